// The login by a token, for who has one.
import { postOutside } from "./api";
import { followTheme } from "./preferences";

followTheme();
const form = document.querySelector<HTMLFormElement>("#login");
const problem = document.querySelector("#problem");

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = new FormData(form).get("token");
  postOutside("/login", { token })
    .then(() => location.replace("/"))
    .catch((error: unknown) => problem?.replaceChildren(error instanceof Error ? error.message : String(error)));
});
