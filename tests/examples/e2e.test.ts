import { afterEach, describe, expect, test, vi } from "vitest";
import { start as startOtherApp } from "../../examples/backend/fixture/setup";
import { startExampleBackend } from "../../examples/exampleBackend";
import { startProgram } from "../program";

const runE2e = (...args: string[]) => startProgram("examples/start.ts", "e2e", ...args);

test("every example and the tour hold on the embedded backend, with the log tail", async () => {
  const { code, stdout } = await runE2e("--transport", "logTail").ends();
  expect(stdout).toMatch(/^The examples on an embedded backend, with the transport logTail$/m);
  for (const of of ["wiring", "rollups", "authz", "tracking", "search", "quota", "tour"]) {
    expect(stdout).toMatch(new RegExp(`^ {2}✓ .* s {2}${of} `, "m"));
  }
  expect(stdout).not.toContain("✗");
  expect(stdout).toMatch(/^All \d+ checks hold\.$/m);
  expect(code).toBe(0);
});

describe("a deployment that the environment names", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  const name = ({ url, adminKey }: { url: string; adminKey: string }) => {
    vi.stubEnv("CONVEX_SELF_HOSTED_URL", url);
    vi.stubEnv("CONVEX_SELF_HOSTED_ADMIN_KEY", adminKey);
  };

  test("is given the examples and a transport, and is checked then", async () => {
    // This backend already runs the examples, without secrets and transport. Code cannot be deployed to it.
    const backend = await startExampleBackend({ transport: null });
    name(backend);
    const { code, stdout } = await runE2e("--transport", "client").ends();
    await backend.close();
    expect(stdout).toContain(`The deployment is ${backend.url}`);
    expect(stdout).toContain("pushed nothing");
    expect(stdout).toContain(`The examples on ${backend.url}, with the transport client`);
    expect(stdout).toMatch(/^All \d+ checks hold\.$/m);
    expect(stdout).not.toContain(backend.adminKey);
    expect(code).toBe(0);
  });

  test("keeps the functions of another app", async () => {
    const backend = await startOtherApp();
    name(backend);
    const program = runE2e();
    await program.prints(/has functions of another app, such as \S+:\w+, .* say `npm run e2e -- --replace`/);
    expect((await program.ends()).code).toBe(1);
  });
});
