// nodemailer's test server: each mail becomes a file in `inbox`, each login a line of the log.
// Its one argument is a JSON object: ports, certificate, account, recipients to turn away.

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { SMTPServer } from "smtp-server";

const asked = JSON.parse(process.argv[2]);
const pem = readFileSync(asked.certificate);
let count = 0;

function failure(responseCode, message) {
  return Object.assign(new Error(message), { responseCode });
}

function onAuth(auth, session, answer) {
  const isUser = auth.username === asked.user;
  const isRight =
    auth.method === "XOAUTH2"
      ? auth.accessToken === asked.accessToken
      : auth.method === "CRAM-MD5"
        ? auth.validatePassword(asked.password)
        : auth.password === asked.password;
  console.log(`${isUser && isRight ? "login" : "failed login"} ${auth.method}`);
  if (isUser && isRight) return answer(null, { user: auth.username });
  if (auth.method === "XOAUTH2") return answer(null, { data: { status: "401", schemes: "bearer" } });
  return answer(failure(535, "5.7.8 Authentication failed"));
}

function onRcptTo(address, session, answer) {
  if (address.address === asked.refused) return answer(failure(550, "5.1.1 No such user"));
  if (address.address === asked.busy) return answer(failure(450, "4.2.1 Busy"));
  return answer();
}

function onData(stream, session, answer) {
  const recipients = session.envelope.rcptTo.map(({ address }) => `X-Envelope-To: ${address}\r\n`);
  const chunks = [Buffer.from(recipients.join(""))];
  stream.on("data", (chunk) => chunks.push(chunk));
  stream.on("end", () => {
    const name = String(++count);
    writeFileSync(name, Buffer.concat(chunks));
    renameSync(name, `inbox/${name}`);
    answer(null, `2.0.0 Ok: queued as ${name}`);
  });
}

for (const [name, port] of Object.entries(asked.ports)) {
  const server = new SMTPServer({
    secure: name === "implicit",
    key: pem,
    cert: pem,
    hideSTARTTLS: name === "plain",
    authOptional: name === "plain",
    authMethods: asked.mechanisms,
    disableReverseLookup: true,
    hideSMTPUTF8: false,
    onAuth,
    onRcptTo,
    onData,
  });
  server.on("error", (error) => console.log(`error ${error.message}`));
  server.server.on("connection", () => console.log("connection"));
  server.listen(port, "127.0.0.1");
}
