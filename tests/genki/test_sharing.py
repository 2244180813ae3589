"""A collection as goods: only what may be shared is, sealed; what is fetched goes on, and opens with the key alone."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from antiphon.clock import ManualClock
from antiphon.economy.scoring import decide
from antiphon.economy.types import Verdict
from antiphon.errors import AntiphonError, InputError, OutputError, ProtocolError, StateError, UnavailableError
from antiphon.genki.data import Collection, add, edited
from antiphon.genki.sharing import Purchase, every_offer, find_offer, sealed, selling, share, sold_here, withdraw
from antiphon.genki.sharing import offer as offers
from antiphon.genki.sharing.judge import PROFILE, DataJudge, offered_in, order_of
from antiphon.genki.sharing.offer import SharedClip, SignedOffer, open_offer, open_sale, sign_offer, sign_sale
from antiphon.judges.base import Delivery
from antiphon.objects import Folder
from antiphon.protocol import Identity, TaskKey, canonical

READY = {"licence": "CC-BY-4.0", "consent": "my own"}
PRICE_NANO = 2 * 10**9


@pytest.fixture
def seller() -> Identity:
    return Identity.generate()


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "store")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def songs(collection: Collection, write: Callable, melody: Callable, folder: Path) -> Collection:
    for number in range(2):
        write(f"song {number}.wav", melody(number))
    list(add(collection, folder, READY))
    return collection


@pytest.fixture
def offered(songs: Collection, home: Path, store: Folder, seller: Identity) -> SignedOffer:
    return share(songs, home, store, seller, PRICE_NANO, ManualClock())


def sale(home: Path, offer: SignedOffer, seller: Identity, nonce: str) -> bytes:
    return sign_sale(seller, offer, nonce, sold_here(home)[offer.id][1], ManualClock())


def bought(purchase: Purchase, home: Path, seller: Identity) -> list[Path]:
    purchase.keep_sale(sale(home, purchase.offer, seller, purchase.nonce))
    return purchase.open()


def test_a_buyer_gets_the_very_files_with_licence_and_consent(songs, offered, home, store, seller, tmp_path):
    purchase = Purchase(find_offer(store, "songs"), tmp_path / "bought")
    assert purchase.fetch(store) > 0
    assert not purchase.paid
    files = bought(purchase, home, seller)
    assert [file.name for file in files] == ["song-0.wav", "song-1.wav"]
    recorded = sorted((tmp_path / "recordings").glob("*.wav"))
    assert [file.read_bytes() for file in files] == [file.read_bytes() for file in recorded]
    told = json.loads(files[0].with_suffix(".json").read_text())
    assert (told["licence"], told["consent"]) == ("CC-BY-4.0", "my own")
    assert "source" not in told
    assert not list((tmp_path / "bought").glob(".buying*"))
    kept = next((tmp_path / "bought").glob("*.sale"))  # anybody can check who sold it
    open_sale(kept.read_bytes(), open_offer(kept.with_suffix(".offer").read_bytes()))


def test_bought_clips_are_added_with_their_licence_and_consent(offered, home, store, seller, tmp_path):
    purchase = Purchase(offered, tmp_path / "bought")
    purchase.fetch(store)
    bought(purchase, home, seller)
    (tmp_path / "bought" / "song-1.json").write_text('{"licence": 3}')  # somebody else's file
    mine = Collection(tmp_path / "buyer", "bought")
    list(add(mine, tmp_path / "bought"))
    found = sorted((clip.licence, clip.consent) for clip in map(mine.load, mine.ids()))
    assert found == [("", ""), ("CC-BY-4.0", "my own")]


def test_nothing_in_the_store_can_be_heard_or_tells_where_a_file_lies(offered, store, tmp_path):
    files = [file.read_bytes() for file in Path(store.url).rglob("*") if file.is_file()]
    assert len(files) == 4  # an offer, a listing, and a sealed file for each clip
    for recording in (tmp_path / "recordings").glob("*.wav"):
        plain = recording.read_bytes()
        pieces = {plain[start : start + 32] for start in range(1_000, len(plain) - 32, 997)}
        assert not any(piece in content for content in files for piece in pieces)
    assert not any(str(tmp_path).encode() in content for content in files)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"licence": ""}, "no licence"),
        ({"consent": ""}, "nobody is named"),
        ({"licence": "CC-BY-NC-4.0"}, "may not be sold"),
    ],
)
def test_what_may_not_be_shared_is_not(songs, home, store, seller, change, says):
    with songs.changing():
        clip = songs.ids()[1]
        songs.save(edited(songs.load(clip), change))
    with pytest.raises(InputError, match=says):
        share(songs, home, store, seller, PRICE_NANO, ManualClock())
    assert not store.names("offers")
    assert not store.names("sealed")


def test_a_recording_that_was_changed_or_is_gone_is_not_shared(songs, home, store, seller, write, melody):
    write("song 0.wav", melody(9))
    with pytest.raises(InputError, match="other audio than was added"):
        share(songs, home, store, seller, PRICE_NANO, ManualClock())
    songs_file = Path(songs.load(songs.ids()[0]).source.path)
    songs_file.unlink()
    with pytest.raises(InputError, match="cannot be shared"):
        share(songs, home, store, seller, PRICE_NANO, ManualClock())
    assert not store.names("")


def test_a_price_that_the_ledger_would_refuse_is_told_at_once(songs, home, store, seller):
    with pytest.raises(InputError, match="at most 10 ANT"):
        share(songs, home, store, seller, 11 * 10**9, ManualClock())


def test_a_sharing_that_was_cut_goes_on_with_the_same_key_and_offers_nothing_before(songs, home, store, seller):
    class Full(Folder):
        left = 1

        def write(self, name, data, *, new=False):
            self.left -= 1
            if self.left < 0:
                raise UnavailableError("gone", "")
            return super().write(name, data, new=new)

    with pytest.raises(UnavailableError):
        share(songs, home, Full(store.root), seller, PRICE_NANO, ManualClock())
    assert not store.names("offers")
    assert sold_here(home) == {}
    (first,) = store.names("sealed")
    share(songs, home, store, seller, PRICE_NANO, ManualClock())
    assert first in store.names("sealed")
    assert len(store.names("sealed")) == 2


def test_a_fetch_that_was_cut_goes_on_where_it_was(offered, home, store, seller, tmp_path, monkeypatch):
    monkeypatch.setattr(offers, "PIECE_BYTES", 20_000)
    for module in (sealed, selling):
        monkeypatch.setattr(module, "PIECE_BYTES", 20_000)
    from antiphon.genki.sharing import buying

    monkeypatch.setattr(buying, "PIECE_BYTES", 20_000)
    again = share(Collection(home, "songs"), home, store, seller, PRICE_NANO + 1, ManualClock())
    names = [name for name in store.names("sealed") if again.offer.key_hash in name]
    assert len(names) > 8
    kept = store.read(names[5])
    store.delete(names[5])
    purchase = Purchase(again, tmp_path / "bought")
    with pytest.raises(UnavailableError, match="lacks a piece"):
        purchase.fetch(store)
    part = next((tmp_path / "bought").glob(".buying*"))
    cut = max(part.glob("*.sealed"), key=lambda file: file.stat().st_size)
    before = cut.stat().st_size
    with cut.open("ab") as file:
        file.write(b"half a piece")
    store.write(names[5], kept)
    came = Purchase(again, tmp_path / "bought").fetch(store)
    total = sum(store.size(name) or 0 for name in names)
    assert came <= total - before
    assert Purchase(again, tmp_path / "bought").fetch(store) == 0
    assert len(bought(purchase, home, seller)) == 2


def test_a_store_that_lies_is_found_out_before_anything_is_paid(offered, store, tmp_path):
    name = store.names("sealed")[0]
    content = store.read(name)
    store.write(name, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ProtocolError, match="other bytes"):
        Purchase(offered, tmp_path / "bought").fetch(store)
    store.write(f"listings/{offered.id}", b"\x81")
    with pytest.raises(ProtocolError, match="another list"):
        Purchase(offered, tmp_path / "bought").fetch(store)
    store.write(f"offers/{offered.id}", b"nonsense")
    assert list(every_offer(store)) == []


def test_a_sale_is_for_one_offer_and_one_order_by_its_seller(offered, home, seller, tmp_path):
    purchase = Purchase(offered, tmp_path / "bought")
    key = sold_here(home)[offered.id][1]
    made = [
        sign_sale(Identity.generate(), offered, purchase.nonce, key, ManualClock()),  # a buyer who sells on
        sign_sale(seller, offered, "0" * 32, key, ManualClock()),
        sign_sale(seller, offered, purchase.nonce, TaskKey.generate(), ManualClock()),
        offered.raw,
        b"",
    ]
    for raw in made:
        with pytest.raises(ProtocolError):
            purchase.keep_sale(raw)
    assert not purchase.paid
    assert Purchase(offered, tmp_path / "bought").nonce == purchase.nonce  # the order can be repeated


def test_names_that_would_leave_the_folder_are_no_clips(offered, store):
    (clip, _) = sealed.read_listing(store, offered).clips
    for name in ("../a.wav", ".hidden.wav", "a/b.wav", "a.exe", ""):
        with pytest.raises(InputError):
            msgspec.structs.replace(clip, name=name)


def judged(store: str, offer: SignedOffer, nonce: str, data: bytes) -> Verdict:
    judge = DataJudge(DataJudge.Options(store=store), tools=None)
    delivery = Delivery(audio=None, declared_rate_hz=0, declared_samples=0, data=data, places=b"drawn")
    return decide(judge.profile(order_of(offer, nonce)), judge.measure(order_of(offer, nonce), delivery)).verdict


def test_validators_open_what_the_key_should_open(offered, store, home, seller):
    nonce = offers.new_nonce()
    good = sale(home, offered, seller, nonce)
    assert judged(store.url, offered, nonce, good) is Verdict.VALID
    assert judged(store.url, offered, offers.new_nonce(), good) is Verdict.INVALID  # another order's
    wrong = sign_sale(seller, offered, nonce, TaskKey.generate(), ManualClock())
    assert judged(store.url, offered, nonce, wrong) is Verdict.INVALID
    assert judged(store.url, offered, nonce, b"") is Verdict.INVALID
    assert judged("", offered, nonce, good) is Verdict.INCONCLUSIVE
    shutil.rmtree(store.root / "sealed")
    assert judged(store.url, offered, nonce, good) is Verdict.INCONCLUSIVE


def test_a_seller_who_sealed_something_else_is_found_invalid(songs, home, store, seller, monkeypatch):
    def noise(key, clip, number, data):
        return sealed.sealing.seal(key, b"\0" * len(data), sealed._context(clip, number))

    monkeypatch.setattr(sealed, "seal_piece", noise)
    offer = share(songs, home, store, seller, PRICE_NANO, ManualClock())
    nonce = offers.new_nonce()
    assert judged(store.url, offer, nonce, sale(home, offer, seller, nonce)) is Verdict.INVALID
    assert PROFILE.limits[1].required


def test_withdrawn_is_gone_and_a_changed_key_is_told(offered, home, store):
    folder = home / "sales" / offered.id
    (folder / "key").write_bytes(bytes(32))
    with pytest.raises(StateError, match="not the key"):
        sold_here(home)
    withdraw(home, store, offered)
    assert store.names("") == []
    assert sold_here(home) == {}


def test_an_order_of_something_else_is_no_order_of_data(offered):
    order = order_of(offered, "1" * 32)
    for changed in (
        msgspec.structs.replace(order, voice="0" * 64),
        msgspec.structs.replace(order, options={}),
        msgspec.structs.replace(order, options={**order.options, "offer": "no base64"}),
        msgspec.structs.replace(order, options={**order.options, "nonce": ""}),
    ):
        with pytest.raises(AntiphonError):
            offered_in(changed)


def test_an_offer_fits_into_an_order_with_the_longest_licences(seller, offered):
    longest = tuple(f"{number}{'L' * 63}" for number in range(8))
    signed = sign_offer(seller, msgspec.structs.replace(offered.offer, licences=longest), ManualClock())
    assert len(order_of(signed, "1" * 32).options["offer"]) < 2_000


def relisted(store: Folder, seller: Identity, offered: SignedOffer, clips: tuple[SharedClip, ...]) -> SignedOffer:
    """The offer with another list of clips, by its seller."""
    listing = canonical.encode({"clips": [msgspec.to_builtins(clip) for clip in clips]})
    told = msgspec.structs.replace(
        offered.offer,
        listing=hashlib.sha256(listing).hexdigest(),
        clips=len(clips),
        size=sum(clip.size for clip in clips),
        seconds=sum(clip.facts.duration for clip in clips),
    )
    signed = sign_offer(seller, told, ManualClock())
    store.write(f"listings/{signed.id}", listing)
    return signed


def test_an_offer_that_says_other_than_its_list_is_not_bought(offered, store, seller, tmp_path):
    listing = store.read(f"listings/{offered.id}")
    for change in ({"seconds": 9_999.0}, {"licences": ("CC0-1.0",)}, {"clips": 3}, {"size": 1}):
        lying = sign_offer(seller, msgspec.structs.replace(offered.offer, **change), ManualClock())
        store.write(f"listings/{lying.id}", listing)
        with pytest.raises(ProtocolError, match="not what the offer says"):
            Purchase(lying, tmp_path / "bought").fetch(store)


def test_two_clips_of_an_offer_are_two_files_with_two_sidecars(offered, store, seller):
    first, second = sealed.read_listing(store, offered).clips
    for other in (
        msgspec.structs.replace(second, name="song-0.flac"),
        msgspec.structs.replace(second, name="Song-0.wav"),
        msgspec.structs.replace(first, name="song-1.wav"),
    ):
        clips = tuple(sorted((first, other), key=lambda clip: clip.name))
        with pytest.raises(InputError, match="Two clips"):
            sealed.read_listing(store, relisted(store, seller, offered, clips))


def test_recordings_that_differ_in_their_suffix_keep_a_sidecar_each(
    collection, home, store, seller, write, melody, folder, tmp_path
):
    for number, name in enumerate(("a.wav", "a.flac", "A.ogg")):
        write(name, melody(number))
    list(add(collection, folder, READY))
    purchase = Purchase(share(collection, home, store, seller, PRICE_NANO, ManualClock()), tmp_path / "bought")
    purchase.fetch(store)
    files = bought(purchase, home, seller)
    assert len({str(file.with_suffix(".json")).casefold() for file in files}) == 3
    assert all(file.with_suffix(".json").is_file() for file in files)


@pytest.mark.parametrize("name", ["song-0.wav", "song-1.json"])
def test_a_file_of_the_buyers_is_never_replaced(offered, home, store, seller, tmp_path, name):
    mine = tmp_path / "bought" / name
    mine.parent.mkdir()
    mine.write_bytes(b"my own")
    purchase = Purchase(offered, mine.parent)
    with pytest.raises(OutputError, match="other files"):
        purchase.fetch(store)
    mine.unlink()
    purchase.fetch(store)
    mine.write_bytes(b"my own")
    with pytest.raises(OutputError, match="other files"):
        bought(purchase, home, seller)
    assert mine.read_bytes() == b"my own"
    mine.unlink()
    assert len(purchase.open()) == 2, "it goes on"
    again = Purchase(offered, mine.parent)
    again.fetch(store)  # the very files are there
    assert len(bought(again, home, seller)) == 2


def test_a_validator_never_holds_a_whole_clip(offered, store, home, seller, monkeypatch):
    monkeypatch.setattr(offers, "MAX_CLIP_BYTES", 10_000)
    with pytest.raises(InputError, match="Cut it"):
        sealed.read_listing(store, offered)
    monkeypatch.undo()
    held = 0

    class Counted(bytes):
        def __new__(cls, content):
            nonlocal held
            held += 1
            return super().__new__(cls, content)

        def __del__(self):
            nonlocal held
            held -= 1

    most, real = 0, sealed.sealed_pieces

    def counted(*given):
        nonlocal most
        for piece in real(*given):
            yield Counted(piece)
            most = max(most, held)

    for module in (offers, sealed, selling):
        monkeypatch.setattr(module, "PIECE_BYTES", 5_000)
    offer = share(Collection(home, "songs"), home, store, seller, PRICE_NANO + 1, ManualClock())
    monkeypatch.setattr(sealed, "sealed_pieces", counted)
    nonce = offers.new_nonce()
    assert judged(store.url, offer, nonce, sale(home, offer, seller, nonce)) is Verdict.VALID
    assert 1 <= most <= 3
