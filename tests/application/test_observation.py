"""The state of an application as management tells it, at each beat of the pulse."""

from __future__ import annotations

from pathlib import Path

from runtime.application.counting import Counting
from runtime.application.observation import Observation
from runtime.engines.management.snapshot import Lag
from tests.support.changing import served
from tests.support.serving import run


def test_a_service_is_described_anew_only_if_something_of_it_has_changed(tmp_path: Path) -> None:
    async def main() -> None:
        async with served(tmp_path) as site:
            observation = Observation(site.application, Counting(site.application, dict))
            before, again = (observation.observe(Lag()).services for _ in range(2))
            assert before
            assert all(one is other for one, other in zip(before, again, strict=True))

            first, *_ = site.children()
            first.restarts += 1
            changed, *others = observation.observe(Lag()).services
            assert changed.restarts == before[0].restarts + 1
            assert all(one is other for one, other in zip(before[1:], others, strict=True))

    run(main())
