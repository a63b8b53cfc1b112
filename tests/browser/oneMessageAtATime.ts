import type { Page } from "playwright-core";

/**
 * Gives a page what its deployment sends one message at a time, each when the page has drawn the one before. On a busy
 * machine several would be there when the page comes to look, and it would never show what lies between them.
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

/** Resolves when the page has drawn what it was told; also when it is gone. */
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
