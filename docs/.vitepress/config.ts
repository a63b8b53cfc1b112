import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";
import llmstxt from "vitepress-plugin-llms";
import { relativeImages, slugOf, toServedMarkdown, toSiteMarkdown } from "./markdown";
import { description, docs, homepage, name, repository, repositoryUrl, version } from "./repository";
import { listOfPages, sidebar } from "./sidebar";

const items = sidebar();

export default defineConfig({
  title: name,
  description,
  lang: "en",
  base: new URL(homepage).pathname,
  cleanUrls: true,
  sitemap: { hostname: homepage },
  markdown: {
    anchor: { slugify: slugOf },
    config: relativeImages,
    theme: { light: "github-light-high-contrast", dark: "github-dark-high-contrast" },
  },
  themeConfig: {
    search: {
      provider: "local",
      options: {
        // Ranks pages above the reference, whose many words would win.
        miniSearch: { searchOptions: { boostDocument: (id: string) => (id.includes("/reference/") ? 0.5 : 1) } },
      },
    },
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/guides/transports", activeMatch: "/guides/" },
      { text: "Reference", link: "/reference/", activeMatch: "/reference/" },
      { text: version, items: [link("Changelog", "/changelog"), link("Rules for versions", "/versions")] },
    ],
    sidebar: items,
    outline: [2, 3],
    externalLinkIcon: true,
    socialLinks: [{ icon: "github", link: repository }],
    editLink: { pattern: repositoryUrl("docs/:path"), text: "This page on GitHub" },
  },
  vite: {
    plugins: [
      {
        name: "site-markdown",
        enforce: "pre",
        transform(text, id) {
          if (!id.startsWith(docs) || !id.endsWith(".md")) return undefined;
          return toSiteMarkdown(id, text, (file) => this.addWatchFile(file));
        },
      },
      llmstxt({
        excludeUnnecessaryFiles: false,
        excludeIndexPage: false,
        injectLLMHint: false,
        customLLMsTxtTemplate: "# {title}\n\n{description}\n\n{details}\n\n{toc}",
        details: `The Markdown of each page is at its address with the ending .md; all pages in one file are [here](${homepage}llms-full.txt).`,
        toc: listOfPages(items),
        domain: new URL(homepage).origin,
      }),
    ],
  },
  buildEnd({ outDir }) {
    for (const entry of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
      const file = join(outDir, entry);
      if (/\.md$|llms-full\.txt$/.test(entry)) writeFileSync(file, toServedMarkdown(readFileSync(file, "utf8")));
    }
  },
});

function link(text: string, path: string) {
  return { text, link: path };
}
