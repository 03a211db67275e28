from scorekeeper.store.database import Database
from tests.learned_rows import insert_learned
from scorekeeper.learning.learned import read_learned
from scorekeeper.learning.sentences import write_sentences
import pytest
from datetime import timedelta
def test_it(db: Database) -> None:
    with db.begin() as c:
        for n, e in enumerate((0.6,0.15,-0.3)):
            u = insert_learned(c, version=f"v{n}", excess=e, prefix=str(n))
            for at in (None, u - timedelta(days=5.8), u-timedelta(days=3)):
                l = read_learned(c, fee_bps=10, version=f"v{n}", at=at)
                print("-----", e, at)
                print("\n".join(write_sentences(l, str)))
