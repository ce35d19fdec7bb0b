/** Starts every [data-module] of the page; one that fails does not stop the others. */
import { startModules } from './module.js';

void startModules(document);
