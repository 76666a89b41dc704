# SPDX-License-Identifier: BSD-3-Clause
"""Random histories. A failing one is named by its seed: simulation.history(SEED) is that course again.
$FORWARD_HEALTH_HISTORIES: how many (default 3000). Run as a program, FIRST and LAST seed: many, with the time they took."""
import os
import sys
import time

from simulation import history


def test_histories():
    """Hypothesis shrinks the number of things that happen; the seed is printed with it."""
    import hypothesis
    from hypothesis.strategies import integers

    @hypothesis.settings(max_examples=int(os.environ.get("FORWARD_HEALTH_HISTORIES", "3000")), deadline=None, database=None,
                         print_blob=True, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(seed=integers(0, 2**32), length=integers(0, 10))
    def run(seed, length):
        hypothesis.note("history(%d, %d)" % (seed, length))
        history(seed, length)
    run()


if __name__ == "__main__":
    first, last = int(sys.argv[1]), int(sys.argv[2])
    began, lost = time.monotonic(), 0
    for number in range(first, last):
        try:
            history(number)
        except AssertionError as error:
            lost += 1
            print("seed %d: %s" % (number, error), flush=True)
    print("%d histories, %d failed, %.0f s" % (last - first, lost, time.monotonic() - began))
