"""Tables of the SQL ledger as numbered steps. A step that was released never changes; a new need is a new step.

`accounts.nano` may be negative only for `issued`, and `supply.nano`, kept by triggers, is the sum over all accounts:
0 after every transaction, checked by the database itself.
"""

from __future__ import annotations

APPLICATION_ID = 0x414E5450  # "ANTP"

_FOUNDATION = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE accounts (
  name TEXT PRIMARY KEY,
  nano INTEGER NOT NULL CHECK (nano >= 0 OR name = 'issued')
) WITHOUT ROWID;
CREATE TABLE supply (one INTEGER PRIMARY KEY CHECK (one = 1), nano INTEGER NOT NULL);
INSERT INTO supply VALUES (1, 0);
CREATE TRIGGER account_added AFTER INSERT ON accounts BEGIN UPDATE supply SET nano = nano + NEW.nano; END;
CREATE TRIGGER account_moved AFTER UPDATE ON accounts BEGIN UPDATE supply SET nano = nano + NEW.nano - OLD.nano; END;
CREATE TRIGGER account_ended BEFORE DELETE ON accounts WHEN OLD.nano <> 0
  BEGIN SELECT RAISE(ABORT, 'an account that holds money cannot be deleted'); END;

CREATE TABLE transfers (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  task TEXT NOT NULL,
  part INTEGER NOT NULL,
  source TEXT NOT NULL,
  target TEXT NOT NULL,
  nano INTEGER NOT NULL CHECK (nano > 0),
  why TEXT NOT NULL
);

CREATE TABLE nodes (
  node TEXT NOT NULL,
  role TEXT NOT NULL,
  offers BLOB NOT NULL,
  seal_key BLOB NOT NULL,
  endpoint TEXT NOT NULL,
  seen_ms INTEGER NOT NULL,
  live INTEGER NOT NULL,
  retired INTEGER NOT NULL,
  PRIMARY KEY (node, role)
) WITHOUT ROWID;
CREATE TABLE loads (
  node TEXT NOT NULL,
  role TEXT NOT NULL,
  parts INTEGER NOT NULL CHECK (parts >= 0),
  PRIMARY KEY (node, role)
) WITHOUT ROWID;
CREATE TABLE locked (node TEXT PRIMARY KEY, nano INTEGER NOT NULL CHECK (nano >= 0)) WITHOUT ROWID;
CREATE TABLE scores (
  node TEXT NOT NULL,
  role TEXT NOT NULL,
  service TEXT NOT NULL,
  quality_ppm INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  PRIMARY KEY (node, role, service)
) WITHOUT ROWID;

CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY,
  task TEXT NOT NULL UNIQUE,
  client TEXT NOT NULL,
  mode TEXT NOT NULL,
  service TEXT NOT NULL,
  state TEXT NOT NULL,
  closed_ms INTEGER NOT NULL,
  open_parts INTEGER NOT NULL CHECK (open_parts >= 0),
  record BLOB NOT NULL
);
CREATE INDEX tasks_by_client ON tasks (client, seq);
CREATE INDEX tasks_open ON tasks (client) WHERE open_parts > 0;
CREATE TABLE parts (
  task TEXT NOT NULL REFERENCES tasks (task),
  idx INTEGER NOT NULL,
  phase INTEGER NOT NULL,
  state TEXT NOT NULL,
  final INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  record BLOB NOT NULL,
  UNIQUE (task, idx)
);
CREATE INDEX parts_due ON parts (deadline_ms) WHERE deadline_ms > 0;
CREATE INDEX parts_waiting ON parts (task, idx) WHERE state = 'waiting';

CREATE TABLE envelopes (
  seq INTEGER PRIMARY KEY,
  sender TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sha256 BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  task TEXT NOT NULL,
  raw BLOB,
  error TEXT,
  what TEXT,
  hint TEXT,
  UNIQUE (sender, nonce)
);
CREATE INDEX envelopes_by_task ON envelopes (task, seq) WHERE raw IS NOT NULL;
CREATE INDEX envelopes_passing ON envelopes (at_ms) WHERE raw IS NULL;
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  task TEXT NOT NULL REFERENCES tasks (task),
  at_ms INTEGER NOT NULL,
  part INTEGER NOT NULL,
  envelope INTEGER
);
CREATE INDEX journal_by_task ON journal (task, seq);
"""

_STAKE_HISTORY = """
CREATE TABLE stake_history (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  task TEXT NOT NULL,
  part INTEGER NOT NULL,
  node TEXT NOT NULL,
  nano INTEGER NOT NULL
);
INSERT INTO stake_history (at_ms, task, part, node, nano) SELECT 0, '', -1, node, nano FROM locked WHERE nano > 0;
"""

_CONSENTS = """
CREATE TABLE revocations (
  grantor TEXT NOT NULL,
  consent TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (grantor, consent)
) WITHOUT ROWID;
CREATE TABLE reliances (
  grantor TEXT NOT NULL,
  consent TEXT NOT NULL,
  task TEXT NOT NULL REFERENCES tasks (task),
  PRIMARY KEY (grantor, consent, task)
) WITHOUT ROWID;
CREATE INDEX reliances_by_task ON reliances (task);
"""

_REGISTRY = """
DROP TABLE nodes;
CREATE TABLE nodes (
  node TEXT NOT NULL,
  role TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  signed_ms INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  live INTEGER NOT NULL,
  registered INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  PRIMARY KEY (node, role)
) WITHOUT ROWID;
CREATE INDEX nodes_changed ON nodes (revision);
CREATE INDEX nodes_silent ON nodes (seen_ms);
CREATE TABLE registrations (
  node TEXT NOT NULL,
  role TEXT NOT NULL,
  raw BLOB NOT NULL,
  UNIQUE (node, role)
);
CREATE TABLE departed (revision INTEGER PRIMARY KEY, node TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE revisions (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  latest INTEGER NOT NULL,
  forgotten INTEGER NOT NULL
);
INSERT INTO revisions VALUES (1, 0, 0);
CREATE TABLE unbonding (node TEXT PRIMARY KEY, due_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX unbonding_due ON unbonding (due_ms);
"""
"""Nodes in narrow rows, their signed registrations beside. Whatever changes an offer gives the node a new revision, so
that the index of offers (`offers`) reads again only what changed. Nodes of an older file register anew by themselves.
"""

_NOTED = """
CREATE TRIGGER {table}_{event}_noted AFTER {event} ON {table} {when} BEGIN
  UPDATE revisions SET latest = latest + 1;
  UPDATE nodes SET revision = (SELECT latest FROM revisions) WHERE node = {node};
END;
"""
_REVISIONS = "".join(
    _NOTED.format(table=table, event=event, when=when, node=node)
    for table, when, node in (
        ("accounts", "WHEN substr(NEW.name, 1, 6) = 'stake:'", "substr(NEW.name, 7)"),
        ("locked", "", "NEW.node"),
        ("loads", "", "NEW.node"),
        ("scores", "", "NEW.node"),
    )
    for event in ("INSERT", "UPDATE")
)

_DRAWS = """
ALTER TABLE journal ADD COLUMN left_out BLOB;
ALTER TABLE journal ADD COLUMN link BLOB;
"""

_CONDUCT = """
CREATE TABLE turnouts (
  node TEXT NOT NULL,
  service TEXT NOT NULL,
  abstained_ppm INTEGER NOT NULL,
  PRIMARY KEY (node, service)
) WITHOUT ROWID;
CREATE TABLE holds (
  client TEXT NOT NULL,
  node TEXT NOT NULL,
  nano INTEGER NOT NULL CHECK (nano >= 0),
  PRIMARY KEY (client, node)
) WITHOUT ROWID;
CREATE TABLE seats (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  node TEXT NOT NULL,
  task TEXT NOT NULL,
  idx INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  deadline_ms INTEGER NOT NULL,
  UNIQUE (task, idx, node)
);
CREATE INDEX seats_by_node ON seats (node, seq);
"""

_EPOCHS = """
CREATE TABLE uids (uid INTEGER PRIMARY KEY AUTOINCREMENT, node TEXT NOT NULL UNIQUE, since_ms INTEGER NOT NULL);
INSERT INTO uids (node, since_ms) SELECT DISTINCT node, 0 FROM nodes ORDER BY node;
CREATE TRIGGER node_joined AFTER INSERT ON nodes BEGIN
  INSERT OR IGNORE INTO uids (node, since_ms) VALUES (NEW.node, NEW.seen_ms);
END;
CREATE TABLE epochs (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  record BLOB NOT NULL,
  emission_nano INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE weights (
  node TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  commitment BLOB NOT NULL,
  revealed BLOB,
  PRIMARY KEY (node, epoch)
);
CREATE TRIGGER node_left AFTER DELETE ON nodes WHEN NOT EXISTS (SELECT 1 FROM nodes WHERE node = OLD.node) BEGIN
  DELETE FROM uids WHERE node = OLD.node;
  UPDATE weights SET revealed = NULL WHERE node = OLD.node AND epoch < (SELECT max(number) FROM epochs);
END;
CREATE INDEX nodes_validators ON nodes (node) WHERE role = 'validator';
CREATE TABLE bonds (service TEXT PRIMARY KEY, held BLOB NOT NULL);
"""
"""A uid is an identity's for as long as it is in any role, and never another's. `weights.revealed` is the validator's
own envelope; of one that left, what it said in earlier epochs counts no more."""

_RELAY = """
CREATE TABLE mirrored (
  name TEXT PRIMARY KEY,
  account TEXT NOT NULL,
  nano INTEGER NOT NULL CHECK (nano >= 0),
  wanted INTEGER NOT NULL CHECK (wanted >= 0)
) WITHOUT ROWID;
CREATE TABLE book (
  place INTEGER PRIMARY KEY,
  envelope INTEGER NOT NULL UNIQUE,
  sha256 BLOB NOT NULL,
  digest BLOB NOT NULL
);
"""
"""Of a relay: what the chain says that accounts have, and the order of all that was applied."""

_BATCHES = """
CREATE TABLE claims (
  account TEXT NOT NULL,
  session INTEGER NOT NULL,
  address TEXT NOT NULL,
  signature BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  PRIMARY KEY (account, session)
) WITHOUT ROWID;
CREATE TABLE batches (seq INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL, record BLOB NOT NULL);
CREATE INDEX batches_by_state ON batches (state);
CREATE TABLE batch_tasks (task TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX batch_tasks_by_number ON batch_tasks (number);
CREATE TABLE batch_signatures (
  number INTEGER NOT NULL,
  address TEXT NOT NULL,
  signature BLOB NOT NULL,
  PRIMARY KEY (number, address)
) WITHOUT ROWID;
CREATE TABLE endorsed (
  session INTEGER NOT NULL,
  part INTEGER NOT NULL,
  task TEXT NOT NULL,
  idx INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  round INTEGER NOT NULL,
  PRIMARY KEY (session, part, task, idx, attempt, round)
) WITHOUT ROWID;
CREATE INDEX endorsed_by_task ON endorsed (task);
CREATE TABLE settled (account TEXT PRIMARY KEY, wanted INTEGER NOT NULL, taken INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE taken_off (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID;
"""
"""Of a relay: which tasks were or are being settled on the chain, and what of each account has gone there."""

_SESSIONS = """
CREATE TABLE sessions (
  session INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  payer TEXT NOT NULL,
  parts INTEGER NOT NULL,
  part_nano INTEGER NOT NULL,
  expires_s INTEGER NOT NULL,
  free_parts INTEGER NOT NULL CHECK (free_parts >= 0)
);
CREATE INDEX sessions_by_account ON sessions (account, session);
"""
"""Of a relay: which parts of a client's session stand behind vouchers. Each is given once, the last ones first."""

_EVIDENCE = """
CREATE TABLE sponsors (task TEXT PRIMARY KEY, node TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE evidence (
  service TEXT NOT NULL,
  judge INTEGER NOT NULL,
  node INTEGER NOT NULL,
  quality_ppm INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  PRIMARY KEY (service, judge, node)
) WITHOUT ROWID;
CREATE INDEX evidence_by_node ON evidence (node);
CREATE INDEX evidence_by_judge ON evidence (judge);
CREATE TRIGGER uid_left AFTER DELETE ON uids BEGIN
  DELETE FROM evidence WHERE node = OLD.uid;
  DELETE FROM evidence WHERE judge = OLD.uid;
END;
"""
"""Judges and nodes by their uids; of a synthetic task who ordered it, which nobody is told while it is open."""

_JUDGING = "CREATE INDEX nodes_judging ON nodes (node) WHERE role = 'validator';"
"""Their stake is summed with each round that is settled."""

_BY_TASK = "CREATE INDEX transfers_by_task ON transfers (task);"
"""What a task has moved is asked for by each batch of a relay, and before a client of one orders again."""

_ASSETS = """
CREATE TABLE asset_commitments (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  owner TEXT NOT NULL,
  commitment BLOB NOT NULL,
  at_ms INTEGER NOT NULL,
  UNIQUE (owner, commitment)
);
CREATE TABLE assets (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  asset TEXT NOT NULL UNIQUE,
  committed INTEGER NOT NULL,
  record BLOB NOT NULL,
  copy_of TEXT NOT NULL
);
CREATE TABLE royalties_taken (
  asset TEXT NOT NULL,
  place INTEGER NOT NULL,
  nano INTEGER NOT NULL CHECK (nano >= 0),
  PRIMARY KEY (asset, place)
) WITHOUT ROWID;
CREATE TABLE copies_marked (
  asset TEXT NOT NULL,
  node TEXT NOT NULL,
  original TEXT NOT NULL,
  PRIMARY KEY (asset, node)
) WITHOUT ROWID;
CREATE INDEX transfers_royalty ON transfers (target, seq) WHERE substr(target, 1, 8) = 'royalty:';
"""
"""`assets.committed` is the place of its commitment: the lower one owns the content."""

MIGRATIONS = (
    _FOUNDATION,
    _STAKE_HISTORY,
    _CONSENTS,
    _REGISTRY + _REVISIONS,
    _DRAWS + _CONDUCT,
    _EPOCHS,
    _RELAY,
    _BATCHES,
    _SESSIONS,
    _EVIDENCE,
    _JUDGING,
    _ASSETS,
    _BY_TASK,
)
VERSION = len(MIGRATIONS)
