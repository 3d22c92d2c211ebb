// Signs a person in with oidc-client-ts: prints where the browser must go, reads where it came back.
// One JSON object on the first line of standard input, one on the last line of standard output.
import { createInterface } from "node:readline";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node 18 keeps it behind a flag
const { InMemoryWebStorage, OidcClient, WebStorageStateStore } = await import("oidc-client-ts");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const line = async () => (await lines.next()).value;

const asked = JSON.parse(await line());
const client = new OidcClient({
  authority: asked.issuer, client_id: asked.client_id, client_secret: asked.client_secret,
  redirect_uri: asked.redirect_uri, scope: "openid email offline_access", loadUserInfo: true,
  client_authentication: "client_secret_basic",
  stateStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
});
const { url } = await client.createSigninRequest({ prompt: "create", nonce: asked.nonce });
console.log(url);
const signedIn = await client.processSigninResponse(await line());
console.log(JSON.stringify({ profile: signedIn.profile, scope: signedIn.scope }));
process.exit(0);
