import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { type Findings, someOf } from "./findings.js";

const SECRET = /^(\w+_)?(LAZY_VIEWS_(?:SECRET|STREAM_SECRET|LOG_KEY)(?:_PREVIOUS)?)$/;
const KEYS = ["CONVEX_DEPLOY_KEY", "CONVEX_SELF_HOSTED_ADMIN_KEY"];
const ENV_FILE = /^\.env(?!.*\.(example|sample|template|dist)$)(\..+)?$/;

/** Checks the app's `.env` files for secrets that git or a page would publish, and for variables without effect. */
export async function lookAtEnvFiles(findings: Findings, app: string): Promise<void> {
  for (const file of readdirSync(app).filter((name) => ENV_FILE.test(name))) {
    const variables = parseEnv(readFileSync(join(app, file), "utf8")) as Record<string, string>;
    const names = Object.keys(variables).filter((name) => variables[name] !== "");
    const secrets = names.filter((name) => SECRET.test(name) || KEYS.includes(name));
    for (const name of secrets) {
      const prefix = SECRET.exec(name)?.[1];
      if (prefix === undefined) continue;
      findings.problem(
        `${file} has ${name}: bundlers put variables that begin with ${prefix} into pages, where everyone can read them.`,
        "remove it there, then npx convex-lazy-views connect --rotate",
      );
    }
    if (secrets.length > 0) await lookAtGit(findings, app, file, secrets);
    // Only the deployment seals effects. A relay needs only the other two variables.
    if (names.includes("LAZY_VIEWS_SECRET")) {
      findings.advice(
        `LAZY_VIEWS_SECRET in ${file} has no effect: functions read the deployment's own variables.`,
        "remove it there, then npx convex-lazy-views connect",
      );
    }
  }
}

async function lookAtGit(findings: Findings, app: string, file: string, secrets: string[]): Promise<void> {
  const what = `${file} has ${someOf(secrets)}, and`;
  if ((await git(app, "ls-files", "--error-unmatch", file)) === 0) {
    findings.problem(
      `${what} git has the file: its history keeps the secret.`,
      `git rm --cached ${file}, then npx convex-lazy-views connect --rotate`,
    );
  } else if ((await git(app, "check-ignore", "--quiet", file)) === 1) {
    findings.problem(`${what} git does not ignore the file.`, `echo ${file} >> .gitignore`);
  }
}

/** The exit code of a git command; null when there is no git. */
async function git(cwd: string, ...args: string[]): Promise<number | null> {
  return await new Promise((resolve) => {
    const child = execFile("git", args, { cwd }, () => resolve(child.exitCode));
  });
}
