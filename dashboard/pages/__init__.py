"""One module a page: from a request to what its template shows. Module `trades` answers /trades, `overview` answers /.
A page's link is a line in `NAV` of dashboard/site.py.

    async def page(request: Request) -> Response:
        def load(connection: Connection, filters: Filters) -> dict[str, Any]:
            return {"list": read_trades(connection, filters), "rows": every(read_trades, connection, filters)}

        return await render(request, "trades.html", load)

The template extends base.html (blocks title, heading, actions, filterbar, head, content; macros are there as `m`). It
has `filters`, `page`, `choices` (versions, symbols), `moment`, `link(page, **changes)` (another page, shared filters
kept), `here(**changes)` (this page, all filters kept), `static(name)`, and the filters of dashboard.shown. A thing that
is not there: raise NotThereError. Scripts and styles may not be inline; those of a page go into block head as files of
static/.
"""
