import * as react from "convex/react";
import { ConvexReactClient } from "./convexReactClient.js";

/**
 * `useQuery` of convex/react, for the transport `client`. The `useQuery` of convex/react itself works as well, but does
 * not check the provider.
 *
 * @throws Error, when the client of the `<ConvexProvider>` is not the {@link ConvexReactClient} of this library: the
 * effects of its queries would not be forwarded, so that no row would become fresh.
 */
export const useQuery: typeof react.useQuery = checked("useQuery", react.useQuery);

/** `useQueries` of convex/react, for the transport `client`. Throws what {@link useQuery} throws. */
export const useQueries: typeof react.useQueries = checked("useQueries", react.useQueries);

/** `usePaginatedQuery` of convex/react, for the transport `client`. Throws what {@link useQuery} throws. */
export const usePaginatedQuery: typeof react.usePaginatedQuery = checked("usePaginatedQuery", react.usePaginatedQuery);

/** `usePreloadedQuery` of convex/react, for the transport `client`. Throws what {@link useQuery} throws. */
export const usePreloadedQuery: typeof react.usePreloadedQuery = checked("usePreloadedQuery", react.usePreloadedQuery);

/** A hook that first checks the provider's client. Without a provider, the hook of convex/react throws. */
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
