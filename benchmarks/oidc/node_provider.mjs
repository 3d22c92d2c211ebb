// node-oidc-provider with its in-memory adapter and its own defaults, but for what the requests
// need: one client, one person who needs not be asked for consent, and the endpoints measured.
// Arguments: port, client_id, client_secret, redirect_uri.
import { Provider } from "oidc-provider";

const [port, client_id, client_secret, redirect_uri] = process.argv.slice(2);
const provider = new Provider(`http://localhost:${port}`, {
  clients: [{
    client_id, client_secret, redirect_uris: [redirect_uri],
    grant_types: ["authorization_code", "client_credentials"],
  }],
  features: { introspection: { enabled: true }, clientCredentials: { enabled: true } },
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  async findAccount(context, id) {
    return {
      accountId: id,
      async claims() { return { sub: id, email: `${id}@example.com`, email_verified: true }; },
    };
  },
  async loadExistingGrant(context) {
    const grantId = context.oidc.session.grantIdFor(client_id);
    if (grantId) return provider.Grant.find(grantId);
    const grant = new provider.Grant({ clientId: client_id, accountId: context.oidc.session.accountId });
    grant.addOIDCScope("openid email");
    await grant.save();
    return grant;
  },
});
provider.listen(Number(port), "127.0.0.1");
