// Rows of "keep, set or clear": typing a value chooses what is done with it, while "Keep" is still chosen.
import { asServed } from "./served.js";

const DAYS = "days."; // boxes of recipes that count days; their action has the same name
const wishes = document.querySelectorAll("[data-wish]");
const served = wishes.length > 0 && asServed(wishes[0].form);
const isEdited = ({ name }) =>
  String(new FormData(wishes[0].form).getAll(name)) !== String(served.getAll(name));

for (const wish of wishes) {
  const actions = [...wish.querySelectorAll("input[type=radio][name^='action.']")];
  const values = [...wish.elements].filter((field) => !actions.includes(field));
  const choose = ({ name }) => {
    const isKept = actions.find((radio) => radio.checked)?.value === "keep";
    const wanted = actions.find((radio) => radio.value === (name.startsWith(DAYS) ? "days" : "set"));
    if (isKept && wanted) wanted.checked = true;
  };
  wish.addEventListener("input", ({ target }) => values.includes(target) && choose(target));
  const edited = values.find(isEdited);
  if (edited) choose(edited);
}
