import { type Browser, chromium } from "playwright-core";

/**
 * Starts the headless Chromium that `@sparticuz/chromium` carries. That package has the shared
 * libraries and fonts too, which a plain machine may lack, but unpacks them only where it believes to
 * run on AWS Lambda. Its recommended arguments are Lambda's as well (one process, no web security): a
 * test wants a browser like everybody's.
 */
export async function launchChromium(): Promise<Browser> {
  process.env.AWS_LAMBDA_JS_RUNTIME ??= "nodejs20.x";
  const { default: packaged } = await import("@sparticuz/chromium");
  return await chromium.launch({
    executablePath: await packaged.executablePath(),
    args: ["--no-sandbox"],
  });
}
