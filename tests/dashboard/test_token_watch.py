"""The change token on a connection of its own, and what a page asks for once."""

from datetime import UTC, datetime

from sqlalchemy import event, text

from dashboard.data.answer import read_day_pieces, read_last_as_of
from dashboard.data.filters import Filters
from dashboard.data.token import read_token
from dashboard.data.watch import TokenWatch
from dashboard.site import Site
from scorekeeper.store.database import Database

MARKET = text("INSERT INTO scorekeeper.market VALUES (true, 'replay:m', :at, :at, :at, NULL, :at)")


def test_the_watch_sees_each_commit_and_outlives_its_connection(db: Database) -> None:
    watch = TokenWatch(db.engine, None)
    before = watch.read()
    assert watch.read() == before
    with db.begin() as connection:
        connection.execute(MARKET, {"at": datetime(2026, 1, 1, tzinfo=UTC)})
    after = watch.read()
    assert after != before
    with db.begin() as connection:
        assert read_token(connection) == after
        ended = connection.execute(text(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )).scalar_one()  # fmt: skip
    assert ended
    assert watch.read() == after
    watch.close()


def test_a_page_asks_once_for_what_several_parts_of_it_show(db: Database) -> None:
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda _c, _u, statement, *_: asked.append(statement))
    site = Site(db.engine)
    for _ in range(2):
        asked.clear()
        with site.reading() as connection:
            first = read_day_pieces(connection, Filters(), None)
            assert read_day_pieces(connection, Filters(), None) is first
            assert read_day_pieces(connection, Filters(version="v1"), None) is not first
            assert read_last_as_of(connection) == read_last_as_of(connection)
        assert len(asked) == 1 + 2 + 1  # the beginning, two selections, the last track
