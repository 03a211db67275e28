"""From what Prefect's UI shows to the dashboard's page of the same thing."""

PAGES = {
    "performance-summary": "", "system-metrics": "", "agent-metrics": "agents", "open-trades": "open",
    "performance-log": "trades", "performance-dataset": "decisions", "quarantine": "health", "differences": "health",
    "analysis": "", "agent-attribution": "agents", "calibration": "agents", "baselines": "agents",
    "versions": "versions", "report": "calendar", "learning": "learning", "agent-weights": "learning",
    "weight-evidence": "learning", "calibration-maps": "learning", "meta-model": "learning",
}  # fmt: skip


def describe(key: str, words: str, dashboard: str | None) -> str:
    """An artifact's description, with a link to the page of the same thing if there is a dashboard (its address).

    >>> describe("open-trades", "Open trades", "http://127.0.0.1:4210")
    'Open trades. [On the dashboard](http://127.0.0.1:4210/open)'
    >>> describe("open-trades", "Open trades", None)
    'Open trades'
    """
    link = link_of(key, dashboard)
    return words if link is None else f"{words}. [On the dashboard]({link})"


def link_of(key: str, dashboard: str | None) -> str | None:
    """The address of an artifact's page on the dashboard; None where there is no dashboard."""
    return None if not dashboard else f"{dashboard.rstrip('/')}/{PAGES[key]}"
