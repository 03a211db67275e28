"""Cut off from Postgres at random points, COMMIT included, and begun again: the rows and bytes of an undisturbed run.

`--cuts 1000` for as many, `--seed S` for those of a run that failed.
"""

import random
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from scorekeeper.store import embedded
from tests.conftest import fresh_database
from tests.faults.kill_loop import Place, Zygote, compare
from tests.faults.proxy import POINTS, Proxy, open_proxy


class FarPlace(Place):
    """A place whose pipelines go to Postgres by way of a proxy; rows are read without it."""

    proxy: Proxy

    @property
    def environment(self) -> dict[str, str]:
        name = self.url.partition("@/")[2].partition("?")[0]
        far = f"postgresql+psycopg://{embedded.ROLE}@127.0.0.1:{self.proxy.port}/{name}?gssencmode=disable"
        return super().environment | {"DATABASE_URL": far}


def socket_of(cluster: embedded.Lease) -> Path:
    return next(Path(cluster.socket_folder).glob(".s.PGSQL.*[0-9]"))


def test_a_cut_answer_to_commit_leaves_the_work_done_and_the_client_unsure(
    cluster: embedded.Lease,
) -> None:
    with fresh_database(cluster) as url, open_proxy(socket_of(cluster)) as proxy:
        name = url.partition("@/")[2].partition("?")[0]
        far = f"postgresql://{embedded.ROLE}@127.0.0.1:{proxy.port}/{name}?gssencmode=disable"
        with psycopg.connect(url.replace("+psycopg", "")) as direct:
            direct.execute("CREATE TABLE known (point text)")
        wanted = {"before commit": 0, "broken commit": 0, "answer to commit": 1, "broken answer to commit": 1}
        for point, rows in wanted.items():
            connection = psycopg.connect(far)
            connection.execute("INSERT INTO known VALUES (%s)", (point,))
            proxy.cut_at(point)
            with pytest.raises(psycopg.Error):
                connection.commit()
            connection.close()
            with psycopg.connect(url.replace("+psycopg", "")) as direct:
                found = direct.execute("SELECT count(*) FROM known WHERE point = %s", (point,)).fetchone()
            assert (point, found) == (point, (rows,))
        assert proxy.cuts == Counter(dict.fromkeys(wanted, 1))


@pytest.mark.drawn
def test_after_random_cuts_it_leaves_what_an_undisturbed_run_leaves(
    cluster: embedded.Lease, tmp_path: Path, pytestconfig: pytest.Config, seed: int
) -> None:
    wanted: int = pytestconfig.getoption("cuts")
    chance, zygote, cuts, failed = random.Random(seed), Zygote(), Counter[str](), 0
    with fresh_database(cluster) as url:
        undisturbed = Place(tmp_path / "undisturbed", url)
        assert zygote.run(undisturbed)["status"] == 0
        rows, files = undisturbed.rows(), undisturbed.files()
    rounds = 0
    while cuts.total() < wanted:
        with fresh_database(cluster) as url, open_proxy(socket_of(cluster)) as proxy:
            place = FarPlace(tmp_path / f"round-{rounds}", url)
            place.proxy = proxy
            status = None
            while status != 0:
                point = chance.choice(POINTS)
                proxy.cut_at(point, chance.randint(1, 12 if "commit" in point else 120))
                if (status := zygote.run(place)["status"]) != 0:
                    failed += 1
            proxy.cut_at(None)
            assert zygote.run(place)["status"] == 0, f"seed {seed}"
            cuts += proxy.cuts
            assert compare(place, rows, files) == [], f"seed {seed}"
        rounds += 1
    zygote.close()
    print(f"{rounds} rounds, {failed} runs failed, {dict(cuts)}, seed {seed}")
    if wanted >= 24:
        assert failed > 0, f"seed {seed}"
        assert len(cuts) >= 4, f"seed {seed}"
