// What a module begins with whose engine is QuickJS.
import { engine } from "../engine.js";
import "./console.js";

Object.assign(engine, { name: "QuickJS", canAwait: false });
