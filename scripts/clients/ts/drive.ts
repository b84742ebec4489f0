// The main job with the types that openapi-typescript makes of our document. scripts/clients.sh runs it.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Job = components["schemas"]["Job"];

const env = (name: string): string => process.env[name] ?? "";
const org = env("ORG");
const client = createClient<paths>({ baseUrl: env("BASE"), headers: { Authorization: `Bearer ${env("TOKEN")}` } });

function must<T>(what: string, answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  if (answer.data == null) throw new Error(`${what}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

async function enqueue(body: Job | Job[]): Promise<string[]> {
  const receipts = must("enqueue", await client.POST("/v1/jobs", { body }));
  return [receipts].flat().map((receipt) => receipt.id);
}

async function wait(id: string): Promise<void> {
  for (;;) {
    const job = must("job", await client.GET("/v1/jobs/{id}", { params: { path: { id } } }));
    if (job.state === "done") return;
    if (job.state === "dead" || job.state === "refused") throw new Error(`job ${id}: ${job.lastError?.message}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const offers: Job[] = [3, 4, 5].map((n) => ({
  kind: "redeem",
  args: {
    organizationId: org,
    organizationUserId: `9d0e8400-e29b-41d4-a716-${String(n).padStart(12, "0")}`,
    sponsoredEmail: `home${n}@example.com`,
  },
}));
await enqueue(offers);
const [sync] = await enqueue({ kind: "sync", args: { organizationId: org } });
await wait(sync!);

const page = must("sponsorships", await client.GET("/v1/organizations/{org}/sponsorships", {
  params: { path: { org }, query: { status: ["sent"], limit: 10 } },
}));
const jobs = must("jobs", await client.GET("/v1/jobs", { params: { query: { state: ["done", "dead"], organizationId: org } } }));
const status = must("status", await client.GET("/v1/status"));
const unknown = await client.GET("/v1/jobs/{id}", { params: { path: { id: "nothing" } } });
if (unknown.error?.status !== 404 || !unknown.error.code) throw new Error(`an unknown job: ${JSON.stringify(unknown.error)}`);
if (page.sponsorships.length !== 6) throw new Error(`${page.sponsorships.length} are sent, want 6`);
console.log(`typescript client: ${page.sponsorships.length} sent, ${jobs.jobs.length} jobs done, status ${status.status}`);
