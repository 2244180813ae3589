// Numbers and states in words.
const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

// Nano of ANT, with the digits that matter.
export const ant = (nano) => `${Math.abs(nano) >= 1e11 ? WHOLE.format(nano / 1e9) : DIGITS.format(nano / 1e9)} ANT`;

export const STATES = { queued: "Waiting", running: "Making", completed: "Done", failed: "Failed", cancelled: "Stopped" };

export function partWords(part) {
  const score = part.score === null ? "" : ` ${part.score.toFixed(2)}`;
  return {
    waiting: "waiting", assigned: "being made", left: "stopped", drawing: "drawing judges", delivered: "being judged",
    revealing: "counting votes", valid: `valid${score}`, invalid: "rejected, refunded", refunded: "refunded", cancelled: "stopped",
  }[part.state] ?? part.state;
}

export function voteWords(part) {
  if (!part.seats.length) return "";
  const counted = {};
  for (const seat of part.seats) {
    const vote = seat.verdict ?? (seat.state === "committed" ? "has voted, sealed" : "is listening");
    counted[vote] = (counted[vote] ?? 0) + 1;
  }
  return "Votes: " + Object.entries(counted).map(([vote, count]) => `${count} ${vote}`).join(", ");
}

export function plural(count, noun) { return `${count} ${noun}${count === 1 ? "" : "s"}`; }

const NAMES = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" });
export function languageName(code) {
  try { return NAMES.of(code.split("-")[0]) ?? code; } catch { return code; }
}
