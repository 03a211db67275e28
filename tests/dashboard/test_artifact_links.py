"""What Prefect's UI shows leads to the dashboard's page of the same thing."""

import doctest

from dashboard.app import find_pages
from tasks import analyze, artifacts, learned_artifacts, links


def test_every_artifact_leads_to_a_page_that_is_there() -> None:
    paths = {route.path for route in find_pages()}
    assert {f"/{page}" for page in links.PAGES.values()} <= paths
    tables = {*artifacts.LINKED, *analyze.TABLES, *learned_artifacts.TABLES}
    assert tables | {"performance-summary", "analysis", "quarantine", "learning"} <= links.PAGES.keys()
    assert doctest.testmod(links).failed == 0
    assert links.link_of("agent-metrics", "https://score.example.org/d/") == "https://score.example.org/d/agents"
