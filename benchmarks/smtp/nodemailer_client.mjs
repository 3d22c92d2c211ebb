// Sends the benchmark's mails with nodemailer; takes the task as JSON and prints what it measured.

import { performance } from "node:perf_hooks";
import { createRequire } from "node:module";

const nodemailer = createRequire(process.cwd() + "/")("nodemailer");
const task = JSON.parse(process.argv[2]);

const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: task.port,
  secure: task.secure,
  ignoreTLS: !task.secure && !task.starttls,
  tls: { rejectUnauthorized: false },
  auth: task.login ? { user: "mailer", pass: "open-sesame-77" } : undefined,
  pool: task.pool,
  maxConnections: task.connections,
  maxMessages: Infinity,
});

const substitute = (text, values) =>
  text.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (match, path) => {
    const [root, ...rest] = path.split(".");
    return root in values ? String(rest.reduce((value, key) => value?.[key], values[root]) ?? "") : match;
  });

const send = async (number) => {
  const verification_code = String(100000 + (number % 900000));
  const values = { ...task.payload, code: verification_code };
  await transport.sendMail({
    from: task.sender,
    to: `reader${number}@example.com`,
    subject: substitute(task.template.subject, values),
    text: substitute(task.template.text, values),
    html: substitute(task.template.html, values),
    otp: { code: verification_code, origin: task.payload.issuer },
    headers: {
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      "Content-Language": "en",
    },
  });
};

const run = async (count) => {
  const seconds = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const started = performance.now();
      await send(next++);
      seconds.push((performance.now() - started) / 1000);
    }
  };
  await Promise.all(Array.from({ length: task.in_flight }, worker));
  return seconds;
};

await run(task.warm_up);
const cpu = process.cpuUsage();
const started = performance.now();
const latencies = await run(task.messages);
const elapsed = (performance.now() - started) / 1000;
const used = process.cpuUsage(cpu);
transport.close();
console.log(JSON.stringify({ elapsed, latencies, cpu: (used.user + used.system) / 1e6 }));
