// Reads mails as JSON, writes the messages nodemailer makes of them, base64, as JSON.
import { readFileSync } from "node:fs";
import nodemailer from "nodemailer";

const transport = nodemailer.createTransport({
  streamTransport: true,
  buffer: true,
  newline: "windows",
});
const mails = JSON.parse(readFileSync(0, "utf8"));
const messages = await Promise.all(mails.map((mail) => transport.sendMail(mail)));
process.stdout.write(JSON.stringify(messages.map(({ message }) => message.toString("base64"))));
