"""What leaves a contributor's machine, and what does not: every request that `supernode` makes, and what is in it."""

from __future__ import annotations

from antiphon.genki.rounds import compression
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.rounds.secagg.primitives import SHARE_BYTES, words_in

REQUESTS = {
    "activate-node": "the public key of your card, and that this node is there",
    "send-node-heartbeat": "every 10 s, that this node is still there",
    "pull-messages": "whether there is a task",
    "pull-object": "which part of a task is wanted: the model that comes is the coordinator's",
    "confirm-message-received": "that a task has arrived",
    "push-messages": "the name and size of an answer, and how many seconds it took",
    "push-object": "the answer itself, signed, as told below, or a sentence that says why there is none",
    "deactivate-node": "that this node goes",
}
"""Paths below /v1/fleet/, each with what it tells. All of them carry the node's key and signature, and the time."""


_STAYS = "What stays here: every piece, its name, title, licence and number, what the update left out, and all keys."
_RENTED_STAYS = "What stays here: files, names, titles, licences, what the update left out, and all keys of yours."


def explained(plan: Plan, parameters: int, pieces: int | None = None, *, rents: bool = False) -> list[str]:
    """Lines to read before joining. `parameters` of the model that is learnt, `pieces` that would be learnt from;
    `rents`: whether another's machine does the training."""
    lines = [
        f"Plan {plan.name}: {plan.rounds} rounds of {plan.local_steps} steps of {plan.model}, "
        + (f"adapters of rank {plan.rank}" if plan.rank else "all weights")
        + f", {parameters:,} parameters.",
        "",
        "What leaves this machine, to the coordinator of the invitation only, over TLS:",
        *(f"  {path:<26}{what}" for path, what in REQUESTS.items()),
        "",
        *(_masked(plan, parameters) if plan.secure else _plain(plan, parameters)),
        "",
        *(_rented() if rents else ()),
        _RENTED_STAYS if rents else _STAYS,
        f"You would learn from {pieces:,} pieces." if pieces is not None else "",
        "",
        *_protection(plan),
    ]
    return "\n".join(lines).replace("\n\n\n", "\n\n").splitlines()


def _rented() -> list[str]:
    return [
        "With --rent also, in each round: sealed to the store, and with the key to a learner node and the validators",
        "who are drawn to do the training again (all of them can read it, and could keep it):",
        "  every piece as the model hears it (tokens; for Ruby also tempo, key, style and mood), without its name;",
        "  the parameters that the round begins with, the number of steps, a seed that follows from your node id;",
        "  the change that was learnt, before it is compressed. Neither your name nor the federation's is in it.",
        "",
    ]


def _plain(plan: Plan, parameters: int) -> list[str]:
    limit = compression.max_bytes(parameters, plan.keep)
    return [
        f"An update, at most {limit:,} bytes ({limit / 4 / parameters:.2%} of the model), one a round, holds:",
        "  the plan's id, the round, the model it begins with, the number of steps, your node id, your signature;",
        f"  how {plan.keep} of each {compression.CHUNK:,} parameters changed: where, and one of four values each.",
    ]


def _masked(plan: Plan, parameters: int) -> list[str]:
    size = 4 * words_in(parameters, plan.keep)
    return [
        "Five answers a round, each with your node id, your signature, and the hash of plan, round, model and attempt:",
        "  two public keys for this attempt, and the hash of a secret number;",
        f"  up to {SHARE_BYTES} bytes for each other party, sealed for it alone: shares of two secrets;",
        f"  a masked update of {size:,} bytes ({size / 4 / parameters:.2%} of the model): how {plan.keep} of each",
        f"  {compression.CHUNK:,} parameters changed, which are drawn alike for all, each hidden by a random number;",
        "  that you confirm whose updates are added;",
        "  of each other party one of the two shares that it gave you, by which the sum, and nothing else, is opened.",
    ]


def _protection(plan: Plan) -> list[str]:
    lines = ["What can be learnt from it:"]
    if plan.secure:
        lines.append(
            f"  The coordinator learns the sum of at least {plan.min_parties} updates, once a round, and no update, as"
            " long as less than a third of the parties are with it. It says who they are: those it made up hide nobody."
        )
    else:
        lines.append("  The coordinator sees each update. From updates it can be guessed what was learnt from.")
    if plan.noise:
        bound = f", and it ends before epsilon {plan.max_epsilon:g}" if plan.max_epsilon else ""
        lines.append(
            f"  Whoever gets the model: noise of {plan.noise:g} times the clipping norm hides what one party changed"
            f" (differential privacy; `antiphon genki status` prints epsilon{bound})."
        )
    else:
        lines.append("  Whoever gets the model: no noise is added, nothing bounds what it tells of one party.")
    return lines
