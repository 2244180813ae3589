"""`python -m antiphon.bench`: the measuring process that `running.measure` starts."""

from antiphon.bench.running import work

if __name__ == "__main__":
    work()
