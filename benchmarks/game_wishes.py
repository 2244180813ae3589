"""Which wishes of sixty prompts in game makers' words are obeyed, and whether those that are not are told.

    python benchmarks/game_wishes.py --misses

How each wish is heard: `antiphon.bench.game_wishes`.
"""

from __future__ import annotations

from collections import Counter

import click

from antiphon.bench.game_wishes import wishes


@click.command(help=__doc__)
@click.option("--misses", is_flag=True, help="Print each wish that is not obeyed, and what was told.")
def main(misses: bool) -> None:
    reached: Counter[str] = Counter()
    stated: Counter[str] = Counter()
    told = 0
    for wish in wishes():
        stated[wish.name] += 1
        reached[wish.name] += wish.obeyed
        told += not wish.obeyed and bool(wish.notes)
        if misses and not wish.obeyed:
            click.echo(f"{wish.name} {wish.wanted}: {wish.prompt} | {wish.notes}")
    for name, count in stated.most_common():
        click.echo(f"| {name} | {reached[name]} of {count} |")
    missed = stated.total() - reached.total()
    click.echo(f"{reached.total()} of {stated.total()} wishes; of {missed} others {told} have a remark")


if __name__ == "__main__":
    main()
