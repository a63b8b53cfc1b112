import type { Page } from "playwright-core";

/**
 * Delivers the deployment's messages to a page one at a time, each after the page has drawn the one before. Otherwise, on
 * a busy machine, the page would receive several at once and skip the states between them.
 */
export async function oneMessageAtATime(page: Page): Promise<void> {
  await page.routeWebSocket(/\/sync$/, (socket) => {
    const server = socket.connectToServer();
    let last: Promise<void> = Promise.resolve();
    server.onMessage((message) => {
      last = last.then(async () => {
        socket.send(message);
        await drawn(page);
      });
    });
  });
}

/** Resolves when the page has drawn its last message, or is closed. */
async function drawn(page: Page): Promise<void> {
  await page
    .evaluate(
      () =>
        new Promise<void>((resolve) => {
          requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
        }),
    )
    .catch(() => {});
}
