// Talks to our own JSON interface. Errors carry what the server said, field by field.

export class ApiError extends Error {
  /** @param {number} status 0 when the server could not be reached */
  constructor(status, errors, retryAfterSeconds = null) {
    super(Object.values(errors).flat()[0] ?? "Something went wrong.");
    this.status = status;
    this.errors = errors;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether asking again later may help. */
  get isPassing() {
    return this.status === 0 || this.status >= 500;
  }
}

const SENTENCES = {
  0: "No connection to the site. Try again in a minute.",
  403: "This page is out of date. Reload it and try again.",
  404: "This no longer exists.",
  500: "Something went wrong on our side. Try again in a minute.",
};

/* Problem details (RFC 9457): `errors` by field where something that was sent is wrong, one sentence otherwise. */
function errorsOf(status, data) {
  if (status !== 403 && data && Object.keys(data.errors ?? {}).length) return data.errors;
  const told = status !== 403 && typeof data?.detail === "string" ? data.detail : "";
  return { detail: told || (SENTENCES[status] ?? SENTENCES[500]) };
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", cache: "no-store", ...options });
  } catch {
    throw new ApiError(0, { detail: SENTENCES[0] });
  }
  let data = null;
  try {
    data = await response.json();
  } catch {
    data = null;
  }
  if (response.ok && data) return data;
  const status = response.ok ? 500 : response.status;
  throw new ApiError(status, errorsOf(status, data), Number(response.headers.get("Retry-After")) || null);
}

/* A server that accepts and never answers is as good as none: what is asked again and again says so after this long. */
const ANSWER_WITHIN_MS = 15_000;

export const getJson = (url) => request(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });

export function postJson(url, body, csrfToken) {
  return request(url, {
    method: "POST",
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRFToken": csrfToken },
    body: JSON.stringify(body),
  });
}

/** @param {FormData} data  a form with a file */
export function postForm(url, data, csrfToken) {
  return request(url, { method: "POST", headers: { Accept: "application/json", "X-CSRFToken": csrfToken }, body: data });
}
