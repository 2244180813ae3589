"""What one key does in epochs on the chain: take a place, weigh, post, challenge, finish, claim; each once.

Every method says what it has done, or "" when that is done already; each looks at the chain before it pays for gas. All
raise ConflictError for the wrong phase (with the time of the right one), FundsError, and what `Outbox` and `Rpc` raise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from antiphon.economy.types import NANO
from antiphon.errors import AntiphonError, ConflictError, FundsError, InputError, ProtocolError
from antiphon.ledger.evm.contracts import checked_address
from antiphon.ledger.evm.epochs.issuing import emission, proposal
from antiphon.ledger.evm.epochs.payments import SEATS_AT, TREASURY_AT, Tree, amounts
from antiphon.ledger.evm.epochs.posting import MAX_COLUMNS, MAX_SEATS
from antiphon.ledger.evm.epochs.reading import Post, Reader
from antiphon.ledger.evm.epochs.terms import Phase, moment_text
from antiphon.ledger.evm.epochs.weights import Secrets
from antiphon.ledger.evm.outbox import Outbox
from antiphon.ledger.evm.wallet import ROLES, Wallet

_UNSEEN = bytes(32)


class EpochWallet(Wallet):
    """A wallet that takes part in epochs."""

    def __init__(self, reader: Reader, outbox: Outbox, secrets: Secrets) -> None:
        super().__init__(reader.contracts, outbox)
        self.reader, self._secrets, self._epochs = reader, secrets, reader.epochs

    async def adopt(self) -> str:
        """Put in force that epochs issue the token, as its owner proposed. Raises ConflictError when nobody did, or the
        delay is not over."""
        token = self.contracts.token
        issuer = (await token.read("emission"))[0]
        if checked_address(issuer) == self._epochs.address:
            return ""
        proposed = emission(self._epochs.address, self.reader.terms, self.contracts.chain.burn_ppm)
        ready_s, now_s = int(await token.read("ready_at", proposal(proposed))), await self.reader.now_s()
        if not ready_s:
            raise ConflictError("The token issues nothing for epochs, and nobody proposed it", "Ask the token's owner.")
        if now_s < ready_s:
            raise ConflictError(
                f"The token issues for epochs from {moment_text(ready_s)} on", f"Wait {ready_s - now_s} s."
            )
        operation = self._outbox.begin(f"epochs:{self._epochs.address}:adopt:{ready_s}")
        await self._step(operation, "adopt", token, "adopt_emission", proposed)
        self._outbox.end(operation)
        return "Epochs issue the token now"

    async def join(self) -> str:
        """Take a column (processors, trainers) or a seat (validators). Raises FundsError for too little stake."""
        role = int(await self.contracts.registry.read("role_of", self.address))
        if not role:
            raise ConflictError(f"{self.address} is no node", "Register it: antiphon chain stake ANT --role ROLE")
        if role == ROLES["relay"]:
            raise ConflictError("A relay has no place in epochs", "Use the key of a node.")
        return await (self._take_seat() if role == ROLES["validator"] else self._take_column())

    async def _take_column(self) -> str:
        if await self._epochs.read("column_of", self.address):
            return ""
        epoch = await self._expect(Phase.OPEN, "taking a column")
        if int(await self._epochs.read("columns")) < MAX_COLUMNS:
            await self._once(epoch, "take_column")
            return f"Epoch {epoch}: column taken"
        for column in await self.reader.columns():
            if not await self.contracts.registry.read("role_of", column.address):
                await self._once(epoch, "replace_column", column.number)
                return f"Epoch {epoch}: column {column.number} taken"
        raise ConflictError(f"All {MAX_COLUMNS} columns belong to registered nodes", "Try again when one has left.")

    async def _take_seat(self) -> str:
        if await self._epochs.read("seat_of", self.address):
            return ""
        weight = await self._weight(self.address)
        if not weight:
            raise FundsError(
                f"{self.address} has less stake than a validator needs", "Stake more: antiphon chain stake ANT"
            )
        epoch = await self._expect(Phase.OPEN, "taking a seat")
        seat = int(await self._epochs.read("seats"))
        if seat == MAX_SEATS:
            held = [(await self._weight(await self.reader.holder(SEATS_AT + one)), one) for one in range(MAX_SEATS)]
            least, seat = min(held)
            if weight <= least:
                raise FundsError(
                    f"All {MAX_SEATS} seats belong to validators with more stake: the least has {least}, you {weight}",
                    "Stake more: antiphon chain stake ANT",
                )
        await self._once(epoch, "take_seat", seat)
        return f"Epoch {epoch}: seat {seat} taken"

    async def weigh(self, weights: Sequence[int]) -> str:
        """Commit to weights by column: on disk first. The last ones count. Raises InputError for one of one's own."""
        epoch = await self._expect(Phase.OPEN, "committing to weights")
        if not await self._epochs.read("seat_of", self.address):
            raise ConflictError(f"{self.address} has no seat", "Take one: antiphon chain epoch join")
        own = int(await self._epochs.read("column_of", self.address))
        if own and own <= len(weights) and weights[own - 1]:
            raise InputError("Nobody weighs itself", f"Leave {self.address} out.")
        columns = int(await self._epochs.read("columns"))
        if not any(weights[:columns]) or any(weights[columns:]):
            raise InputError(
                f"These weights are for nobody, or for more than the {columns} columns", "Leave the epoch out instead."
            )
        commitment = self._secrets.keep(epoch, weights)
        if await self._committed(epoch) == commitment:
            return ""
        await self._once(epoch, "commit", commitment)
        return f"Epoch {epoch}: committed to weights, nodes: {sum(map(bool, weights))}"

    async def reveal(self) -> str:
        """Show what was committed to. Raises StateError when it is lost, ConflictError when there is nothing."""
        epoch = await self._expect(Phase.REVEAL, "revealing weights")
        committed = await self._committed(epoch)
        if committed == _UNSEEN:
            raise ConflictError(f"{self.address} committed to nothing in epoch {epoch}", "Weigh in the next one.")
        if any(one.validator == self.address for one in await self.reader.reveals(epoch)):
            return ""
        hidden = self._secrets.find(epoch, committed)
        await self._once(epoch, "reveal", hidden.row(), hidden.salt)
        return f"Epoch {epoch}: weights revealed"

    async def post(self) -> str:
        """Compute the consensus and post it, with the bond, unless one stands."""
        epoch = await self._expect(Phase.POST, "posting a consensus")
        if await self.reader.posted(epoch) is not None:
            return ""
        made = await self.reader.consensus(epoch)
        await self.reader.check(made)
        bond, operation = self.reader.terms.bond_nano, self._begin(epoch, "post", made)
        await self._allow(operation, "post", self._epochs, bond)
        try:
            await self._step(operation, "post", self._epochs, "post", made.columns, made.dividends)
        except ConflictError:
            if await self.reader.posted(epoch) is None:
                raise
            return ""  # somebody else was first
        self._outbox.end(operation)
        return f"Epoch {epoch}: consensus posted, with a bond of {bond / NANO:g} ANT"

    async def challenge(self) -> str:
        """Hold what stands against the weights; have the contract strike it where it is wrong."""
        now = await self.reader.moment()
        post = await self.reader.posted(now.epoch)
        if post is None:
            raise ConflictError(f"Nothing is posted in epoch {now.epoch}", "There is nothing to challenge.")
        wrong = await self._wrong(now.epoch, post)
        if wrong is None:
            return ""
        function, place = wrong
        operation = self._begin(now.epoch, f"{function}:{post.block}", post.content)
        content = (place, post.content.columns, post.content.dividends)
        await self._step(operation, function, self._epochs, function, *content)
        self._outbox.end(operation)
        return f"Epoch {now.epoch}: the post of {post.poster} was wrong at {place} and is struck"

    async def _wrong(self, epoch: int, post: Post) -> tuple[str, int] | None:
        """What to challenge it with. A post without any consensus is wrong in each column that pays."""
        given = post.content
        try:
            right = await self.reader.consensus(epoch)
        except ConflictError:
            ranks = given.ranks()
            return "challenge_column", ranks.index(max(ranks))
        for number in range(2 * len(right.columns)):
            if given.column(number) != right.column(number):
                return "challenge_column", number
        seats = range(len(right.dividends))
        return next(
            (("challenge_dividend", one) for one in seats if given.dividends[one] != right.dividends[one]), None
        )

    async def finish(self, epoch: int) -> str:
        """Issue what an epoch pays, once it has ended. Raises ConflictError when nothing stands."""
        now = await self.reader.moment()
        if epoch >= now.epoch:
            ends_s = self.reader.terms.begins_s(self.reader.first_s, epoch + 1)
            raise ConflictError(f"Epoch {epoch} has not ended", f"It ends at {moment_text(ends_s)}.")
        post = await self.reader.posted(epoch)
        if post is None:
            raise ConflictError(f"Nothing stands posted in epoch {epoch}", "It issues nothing.")
        if await self.reader.finished(epoch) is None:
            try:
                await self._once(epoch, "finish", epoch, post.content.columns, post.content.dividends)
            except ConflictError:
                if await self.reader.finished(epoch) is None:
                    raise
            else:
                return f"Epoch {epoch}: its emission is issued"
        return ""

    async def claim(self, epoch: int) -> list[str]:
        """Take out what an epoch pays to this key, in every place that it held. Raises ConflictError until it is
        finished."""
        post, done = await self.reader.posted(epoch), await self.reader.finished(epoch)
        if post is None or done is None:
            raise ConflictError(
                f"Epoch {epoch} is not finished", f"Finish it once it has ended: antiphon chain epoch finish {epoch}"
            )
        paid = amounts(self.reader.terms, done.emission_nano, post.content)
        tree = Tree(epoch, paid)
        if tree.root != done.root:
            raise ProtocolError(
                f"The chain's node shows another post of epoch {epoch} than what was finished", "Use another node."
            )
        due = {place: nano for place, nano in paid.items() if nano}
        holders = await self.reader.holders_then((place for place in due if place != TREASURY_AT), epoch)
        holders[TREASURY_AT] = checked_address(await self._epochs.read("treasury")), 0
        told = [
            await self._claim(epoch, place, holders[place][1], nano, tree.proof(place))
            for place, nano in due.items()
            if holders[place][0] == self.address
        ]
        return [one for one in told if one]

    async def _claim(self, epoch: int, place: int, number: int, nano: int, proof: list[bytes]) -> str:
        arguments = (epoch, place, number, nano, proof)
        if await self._refused("claim", arguments, "claimed already"):
            return ""
        await self._once(epoch, "claim", *arguments)
        return f"Epoch {epoch}: {nano / NANO:g} ANT claimed"

    async def take_bond(self) -> str:
        """Take out bonds that came back, or were won."""
        nano = int(await self._epochs.read("bonds", self.address))
        if not nano:
            return ""
        await self._once((await self.reader.moment()).epoch, "withdraw_bond")
        return f"Bonds of {nano / NANO:g} ANT came back"

    async def _refused(self, function: str, arguments: tuple[Any, ...], why: str) -> bool:
        """Whether the contract would refuse it for this reason."""
        try:
            await self._epochs.read(function, *arguments)
        except AntiphonError as error:
            if why in str(error):
                return True
            raise
        return False

    async def _committed(self, epoch: int) -> bytes:
        return bytes(await self._epochs.read("commitments", epoch, self.address))

    async def _weight(self, address: str) -> int:
        return int(await self.contracts.registry.read("weight", address))

    async def _expect(self, phase: Phase, what: str) -> int:
        return self.reader.terms.expect(self.reader.first_s, await self.reader.now_s(), phase, what)

    def _begin(self, epoch: int, function: str, arguments: object) -> str:
        """An operation of the outbox: given again it goes on, until it has ended."""
        digest = hashlib.sha256(msgspec.json.encode(arguments, enc_hook=str)).hexdigest()[:16]
        return self._outbox.begin(f"epochs:{self._epochs.address}:{epoch}:{function}:{digest}")

    async def _once(self, epoch: int, function: str, *arguments: object) -> None:
        operation = self._begin(epoch, function, arguments)
        await self._step(operation, function, self._epochs, function, *arguments)
        self._outbox.end(operation)
