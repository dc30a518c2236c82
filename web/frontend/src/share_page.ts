// Takes the secret of a shared link out of the address, and goes to what it shows.
import { postOutside } from "./api";
import { followTheme } from "./preferences";

function takeLink(): void {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  postOutside<{ path: string }>("/share", { token })
    .then(({ path }) => location.replace(new URL(path, location.origin)))
    .catch((error: unknown) => {
      document.querySelector("#problem")?.replaceChildren(error instanceof Error ? error.message : String(error));
    });
}

followTheme();
takeLink();
addEventListener("hashchange", takeLink); // another link in the same tab does not load the page anew
