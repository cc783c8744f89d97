// Uses the classes that openapi-generator makes for fetch.
import {
  CallReason,
  Configuration,
  EMailsApi,
  EmailStatus,
  PhoneCallsApi,
  type Problem,
  ProblemFromJSON,
  ResponseError,
} from "./client/index.js";

declare const process: { argv: [string, string, string, string] };

const [, , basePath, accessToken] = process.argv;
const configuration = new Configuration({ basePath, accessToken });
const emailsApi = new EMailsApi(configuration);
const callsApi = new PhoneCallsApi(configuration);

async function problem(answer: Promise<unknown>): Promise<Problem> {
  try {
    await answer;
  } catch (error) {
    if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json());
    throw error;
  }
  throw new Error("This was to be refused.");
}

const email = await emailsApi.createEmail({
  idempotencyKey: "anfrage-1",
  emailCreate: {
    therapistId: 123,
    betreff: "Anfrage für drei Patientinnen",
    bodyText: "Grüße",
    empfaengerEmail: "praxis@example.org",
    empfaengerName: "Dr. Jürgen Schmidt",
  },
});
const emails = await emailsApi.listEmails({ status: EmailStatus.Queued, after: 0 });
const refused = await problem(emailsApi.listEmails({ page: 1, after: 0 }));

const call = await callsApi.createPhoneCall({
  callCreate: {
    therapistId: 123,
    geplantesDatum: new Date("2026-10-15"),
    geplanteZeit: "10:00",
    grund: CallReason.Manuell,
  },
});
const ended = await callsApi.cancelPhoneCall({ callId: call.id });

console.log(
  JSON.stringify({
    email: [email.id, email.status, email.bodyText],
    listed: emails.data.map((row) => [row.id, row.betreff, row.antwortArt]),
    refused: [refused.status, refused.errors?.map((error) => error.field)],
    call: [call.status, call.geplantesDatum.toISOString().slice(0, 10), call.geplanteZeit],
    ended: [ended.id === call.id, ended.status],
  }),
);
