import * as react from "convex/react";
import { ConvexReactClient } from "./convexReactClient.js";

/**
 * `useQuery` of convex/react, for the transport `client`.
 *
 * @throws Error when the provider's client is not the `ConvexReactClient` of convex-lazy-views/react: its queries
 *   would never make a row fresh.
 */
export const useQuery: typeof react.useQuery = checked("useQuery", react.useQuery);

/** `useQueries` of convex/react, for the transport `client`. Throws as `useQuery` does. */
export const useQueries: typeof react.useQueries = checked("useQueries", react.useQueries);

/** `usePaginatedQuery` of convex/react, for the transport `client`. Throws as `useQuery` does. */
export const usePaginatedQuery: typeof react.usePaginatedQuery = checked("usePaginatedQuery", react.usePaginatedQuery);

/** `usePreloadedQuery` of convex/react, for the transport `client`. Throws as `useQuery` does. */
export const usePreloadedQuery: typeof react.usePreloadedQuery = checked("usePreloadedQuery", react.usePreloadedQuery);

/** The hook, which first looks at the provider's client. Without a provider, the hook itself says so. */
function checked<Hook extends (...args: never[]) => unknown>(name: string, hook: Hook): Hook {
  const checkedHook = (...args: Parameters<Hook>) => {
    const client: react.ConvexReactClient | undefined = react.useConvex();
    if (client !== undefined && !(client instanceof ConvexReactClient)) {
      throw new Error(
        `${name} of convex-lazy-views/react needs the client of convex-lazy-views/react. ` +
          'Where the client is made, write `import { ConvexReactClient } from "convex-lazy-views/react"`; ' +
          `or import ${name} from convex/react, which works with both.`,
      );
    }
    return hook(...args);
  };
  return checkedHook as Hook;
}
