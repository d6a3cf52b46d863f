// Moments in the visitor's own time zone; without this script they are in the site's.
for (const time of document.querySelectorAll("time[data-local]")) {
  const moment = new Date(time.dateTime);
  time.textContent = moment.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
}
