import { ConvexProvider, ConvexReactClient } from "convex/react";
import { ConvexReactClient as ForwardingClient, quietLogger } from "convex-lazy-views/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";

import { Notice } from "./shared/Notice";
import "./styles/base.css";
import "./styles/card.css";
import "./styles/controls.css";
import "./styles/panel.css";
import "./styles/results.css";
import "./styles/source.css";
import "./styles/story.css";

const { VITE_CONVEX_URL: url, VITE_TRANSPORT: transport } = import.meta.env;
// An app with the transport `client` always uses ForwardingClient. The hooks of convex/react work with both.
const Client = transport === "client" ? ForwardingClient : ConvexReactClient;
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

createRoot(root).render(
  <StrictMode>
    {url ? (
      <ConvexProvider client={new Client(url, { logger: quietLogger })}>
        <App deployment={url} />
      </ConvexProvider>
    ) : (
      <Notice>
        No deployment: set VITE_CONVEX_URL, or start the page with <code>npm run demo</code>.
      </Notice>
    )}
  </StrictMode>,
);
