// Exchanges an authorization code with openid-client, which validates everything that comes back.
// One JSON object on standard input, one on standard output.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node 18 keeps it behind a flag
const client = await import("openid-client");
const asked = JSON.parse(readFileSync(0, "utf8"));
const config = await client.discovery(
  new URL(asked.issuer), asked.client_id, asked.client_secret, undefined,
  { execute: [client.allowInsecureRequests] },
);
const tokens = await client.authorizationCodeGrant(config, new URL(asked.callback), {
  pkceCodeVerifier: asked.code_verifier, expectedState: asked.state, expectedNonce: asked.nonce,
  idTokenExpected: true,
});
const claims = tokens.claims();
const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
console.log(JSON.stringify({ claims, userinfo, refreshed: refreshed.claims() }));
