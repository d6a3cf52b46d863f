// Passkeys: <passkey-add> makes one, <passkey-login> signs in or confirms with one. Both stay hidden where the browser
// cannot. What the browser needs for it comes from an address (data-options) or from the page (data-options-in).

const SUPPORTED =
  window.isSecureContext &&
  typeof window.PublicKeyCredential?.parseCreationOptionsFromJSON === "function" &&
  typeof window.PublicKeyCredential?.parseRequestOptionsFromJSON === "function";

async function optionsFrom(url) {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok || !response.headers.get("Content-Type")?.startsWith("application/json")) {
    throw new Error("no options");
  }
  return (await response.json()).publicKey;
}

function sentenceOf(error) {
  if (error.name === "NotAllowedError" || error.name === "AbortError") {
    return "Cancelled or timed out. Try again.";
  }
  if (error.name === "InvalidStateError") {
    return "This device already has a passkey for your account.";
  }
  if (error.name === "SecurityError") {
    return "Passkeys don't work at this address.";
  }
  return "That didn't work. Reload the page and try again.";
}

class PasskeyElement extends HTMLElement {
  connectedCallback() {
    this.hidden = !SUPPORTED;
    const hint = document.querySelector("[data-no-passkeys]");
    if (hint) {
      hint.hidden = SUPPORTED;
    }
  }

  async run(make) {
    const fault = this.querySelector("[role=alert]");
    fault.hidden = true;
    try {
      const stands = document.getElementById(this.dataset.optionsIn);
      const options = stands ? JSON.parse(stands.textContent) : await optionsFrom(this.dataset.options);
      const credential = await make(options);
      const form = this.querySelector("form");
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      // Not by the button: the form goes as it stands.
      form.submit();
    } catch (error) {
      fault.textContent = sentenceOf(error);
      fault.hidden = false;
    }
  }
}

customElements.define(
  "passkey-add",
  class extends PasskeyElement {
    connectedCallback() {
      super.connectedCallback();
      this.querySelector("form").addEventListener("submit", (event) => {
        event.preventDefault();
        this.run((options) =>
          navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) }),
        );
      });
    }
  },
);

customElements.define(
  "passkey-login",
  class extends PasskeyElement {
    connectedCallback() {
      super.connectedCallback();
      this.querySelector("button").addEventListener("click", () =>
        this.run((options) =>
          navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) }),
        ),
      );
    }
  },
);
