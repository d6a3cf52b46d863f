// Passkeys: <passkey-add> makes one, <passkey-login> signs in with one. Both stay hidden where the browser cannot.

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
    return "Nothing happened: the request was closed or took too long.";
  }
  if (error.name === "InvalidStateError") {
    return "This device has a passkey for your account already.";
  }
  if (error.name === "SecurityError") {
    return "Passkeys do not work at this address of the site.";
  }
  return "That did not work. Load the page again and try once more.";
}

class PasskeyElement extends HTMLElement {
  connectedCallback() {
    this.hidden = !SUPPORTED;
  }

  async run(make) {
    const fault = this.querySelector("[role=alert]");
    fault.hidden = true;
    try {
      const credential = await make(await optionsFrom(this.dataset.options));
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
      const hint = document.querySelector("[data-no-passkeys]");
      if (hint) {
        hint.hidden = SUPPORTED;
      }
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
