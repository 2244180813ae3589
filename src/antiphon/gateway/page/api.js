// The network API, and nothing else of the server.
const BASE = new URL("api/v1/", document.baseURI);
const KEY = "antiphon-key";

export class ApiError extends Error {
  constructor(status, told) {
    super(told.message);
    Object.assign(this, { status, code: told.code, param: told.param });
  }
}

export const setKey = (key) => sessionStorage.setItem(KEY, key);

export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const key = sessionStorage.getItem(KEY);
  if (key) headers = { ...headers, authorization: `Bearer ${key}` };
  if (body && !(body instanceof FormData)) {
    headers = { ...headers, "content-type": "application/json" };
    body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(new URL(path, BASE), { method: body ? "POST" : method, body, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { message: "The server does not answer. Is it still running?", code: "unreachable" });
  }
  if (answer.ok) return answer;
  let told;
  try { told = (await answer.json()).error; } catch { told = { message: `The server answered ${answer.status}.`, code: "unknown" }; }
  if (answer.status === 401) dispatchEvent(new CustomEvent("key-wanted"));
  throw new ApiError(answer.status, told);
}

export const get = async (path, options) => (await ask(path, options)).json();

// Server-sent events by fetch, which can send a key. Comes again when the connection breaks; ends with `end`.
export async function* events(task, signal) {
  for (let tries = 0; tries < 5; tries++) {
    try {
      const answer = await ask(`tasks/${task}/events`, { signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const [, name] = block.match(/^event: (.*)$/m) ?? [];
          if (!name) continue;
          tries = 0;
          yield [name, JSON.parse(block.match(/^data: (.*)$/m)[1])];
          if (name === "end") return;
        }
      }
    } catch (error) {
      if (error.name === "AbortError" || (error instanceof ApiError && error.status)) throw error;
    }
    await new Promise((after) => setTimeout(after, 1000));
  }
  throw new ApiError(0, { message: "The connection broke. The order goes on: find it under Earlier.", code: "unreachable" });
}
