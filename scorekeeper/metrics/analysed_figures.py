"""Names that the answer of `system_metrics` takes over from the last analysis of its scope."""

SYSTEM_FIGURES = (
    "analysis_as_of", "independent_trades", "win_rate_ci95_robust", "win_rate_p_robust", "expectancy_ci95_robust",
    "p_robust", "dsr",
)  # fmt: skip
NET_FIGURES = ("expectancy_ci95_robust", "p_robust")
AGENT_FIGURES = (
    "ic", "shapley_pct", "shapley_ci95_robust", "shapley_error_pct", "leave_one_out_pct", "leave_one_out_ci95_robust",
    "accuracy_ci95_robust", "accuracy_p_robust", "call_return_ci95_robust", "call_return_p_robust",
    "independent_calls",
)  # fmt: skip
