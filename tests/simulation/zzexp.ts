import { explain, runCampaign } from "./campaign.js";
import { historyOf } from "./history.js";

const seed = Number(process.argv[2]);
if (process.argv[3] === "shrink") {
  const { failures } = await runCampaign({ from: seed, count: 1 });
  for (const f of failures) console.log(await explain(f));
} else console.log(JSON.stringify(historyOf(seed)), await explain({ history: historyOf(seed) }));
