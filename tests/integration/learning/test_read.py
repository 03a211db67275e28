from scorekeeper.store.database import Database
from tests.learned_rows import insert_learned
from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.document import build_file, render_file
def test_it(db: Database) -> None:
    with db.begin() as c:
        insert_learned(c, excess=0.5)
        l = read_learned(c, fee_bps=10)
        print(render_file(build_file(l, "x")).decode())
        print(l.fees, l.move_pct, l.turns)
