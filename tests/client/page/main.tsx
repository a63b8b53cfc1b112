import * as convexReact from "convex/react";
import { anyApi } from "convex/server";
import * as lazyReact from "convex-lazy-views/react";
import { type ReactNode, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import type { api as appApi } from "../app";

/* A page. Each section uses one hook, of this package or of convex/react, with this package's client. */

const api = anyApi as unknown as typeof appApi;
const list = "a";
declare const DEPLOYMENT: string;
declare const PRELOADED: lazyReact.Preloaded<typeof api.queries.total>;

const client = new lazyReact.ConvexReactClient(DEPLOYMENT);

function Section({ name, value, children }: { name: string; value: unknown; children?: ReactNode }) {
  return (
    <section aria-label={name}>
      <output>{JSON.stringify(value) ?? "loading"}</output>
      {children}
    </section>
  );
}

function Total() {
  return <Section name="useQuery" value={lazyReact.useQuery(api.queries.total, { list })} />;
}

function PlainTotal() {
  const value = convexReact.useQuery(api.queries.total, { list });
  return <Section name="useQuery of convex/react" value={value} />;
}

function Strict() {
  return <Section name="plain" value={lazyReact.useQuery(api.plain.strict, { list })} />;
}

const bothLists = {
  a: { query: api.queries.total, args: { list } },
  b: { query: api.plain.strict, args: { list: "needed" } },
};

function Several() {
  const { a, b } = lazyReact.useQueries(bothLists);
  return <Section name="useQueries" value={[a, b instanceof Error ? "failed" : b]} />;
}

function Pages() {
  const { results, status, loadMore } = lazyReact.usePaginatedQuery(api.queries.page, { list }, { initialNumItems: 2 });
  return (
    <Section name="usePaginatedQuery" value={[status, ...results.map(({ n }) => n)]}>
      <button type="button" onClick={() => loadMore(10)}>
        More
      </button>
    </Section>
  );
}

function Preloaded() {
  return <Section name="usePreloadedQuery" value={lazyReact.usePreloadedQuery(PRELOADED)} />;
}

function Add() {
  const add = lazyReact.useMutation(api.items.add).withOptimisticUpdate((store, { n }) => {
    lazyReact.insertAtBottomIfLoaded({
      paginatedQuery: api.queries.page,
      argsToMatch: { list },
      localQueryStore: store,
      item: { _id: "new" as never, _creationTime: Date.now(), list, n: n * 100 },
    });
  });
  return (
    <button type="button" onClick={() => add({ list, n: 4 })}>
      Add
    </button>
  );
}

function App() {
  const [isShown, setShown] = useState(true);
  return (
    <>
      <button type="button" onClick={() => setShown(!isShown)}>
        Toggle
      </button>
      <Add />
      {isShown && (
        <>
          <Total />
          <PlainTotal />
          <Strict />
          <Several />
          <Pages />
          <Preloaded />
        </>
      )}
    </>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no #root.");
createRoot(root).render(
  <StrictMode>
    <lazyReact.ConvexProvider client={client}>
      <App />
    </lazyReact.ConvexProvider>
  </StrictMode>,
);
