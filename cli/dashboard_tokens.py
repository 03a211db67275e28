"""Whether the tokens of the dashboard are good enough, before anything of it is imported that takes memory."""

from pydantic import SecretStr

from dashboard.security import check_token
from scorekeeper.settings import Settings


def check_tokens(settings: Settings, host: str) -> None:
    """Refuse tokens that can be guessed, and an address that others reach without one. Raises ScorekeeperError."""
    check_token(plain(settings.dashboard_token), host, plain(settings.metrics_token))


def plain(token: SecretStr | None) -> str | None:
    """The token's text; None where there is none."""
    return None if token is None else token.get_secret_value()
