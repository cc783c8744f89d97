// Uses the types that openapi-typescript makes, with openapi-fetch.
import createClient from "openapi-fetch";
import type { components, paths } from "./client.js";

declare const process: { argv: [string, string, string, string] };

const [, , baseUrl, key] = process.argv;
const api = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

function given<T>(data: T | undefined, error?: components["schemas"]["Problem"]): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

const created = await api.POST("/api/emails", {
  params: { header: { "Idempotency-Key": "anfrage-1" } },
  body: {
    therapist_id: 123,
    betreff: "Anfrage für drei Patientinnen",
    body_text: "Grüße",
    empfaenger_email: "praxis@example.org",
    empfaenger_name: "Dr. Jürgen Schmidt",
  },
});
const email = given(created.data, created.error);

const listed = await api.GET("/api/emails", { params: { query: { status: "QUEUED", after: 0 } } });
const emails = given(listed.data, listed.error);

const refused = await api.GET("/api/emails", { params: { query: { page: 1, after: 0 } } });

const planned = await api.POST("/api/phone-calls", {
  body: { therapist_id: 123, geplantes_datum: "2026-10-15", geplante_zeit: "10:00", grund: "manuell" },
});
const call = given(planned.data, planned.error);

const ended = await api.DELETE("/api/phone-calls/{call_id}", { params: { path: { call_id: call.id } } });

console.log(
  JSON.stringify({
    email: [email.id, email.status, email.body_text],
    listed: emails.data.map((row) => [row.id, row.betreff, row.antwort_art]),
    refused: [refused.error?.status, refused.error?.errors?.map((error) => error.field)],
    call: [call.status, call.geplantes_datum, call.geplante_zeit],
    ended: [ended.data?.id === call.id, ended.data?.status],
  }),
);
