// Moments in the visitor's own time zone; without this script they are in the site's.
import { onPage } from "./navigation.js";

onPage((main) => {
  for (const time of main.querySelectorAll("time[data-local]")) {
    const moment = new Date(time.dateTime);
    time.textContent = moment.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
  }
});
