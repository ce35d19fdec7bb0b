/**
 * The call of one page: joins, keeps a pair with every other participant, holds, leaves.
 *
 * ## How a page module uses this folder
 * ```js
 * import { Connection } from '../live/connection.js';
 * import { Devices } from '../call/devices.js';
 * import { Call } from '../call/call.js';
 * import { Stage } from '../call/stage.js';
 *
 * const connection = new Connection({ topics: [{ topic: 'visit:…', after: 'id from the page' }],
 *   ticket: 'page ticket in the page, or null', csrf: 'csrf field for POST /live/kaartje' });
 * connection.on('visit.admitted', (message) => …);   // every message of the server, by its type
 * connection.on('message', (message) => …);          // all of them
 * connection.on('gap', ({ topic }) => …);            // read the page again
 * connection.open();
 *
 * const devices = new Devices();
 * await devices.open({ audio: true, video: true });  // in a tap; never throws, tells outcomes
 * const call = new Call({ connection, devices, topic: 'call:…', participant: 'citizen' });
 * new Stage(root, call, devices);                    // pictures, sound, states in words
 * await call.prepare();                              // after admit: certificate and ICE servers, nothing leaves
 * // tap on "Ja, begin": POST the begin form, then
 * stage.unlock(); await call.join();
 * ```
 *
 * ### Connection (live/connection.js), one per page
 * - `new Connection({ topics, ticket?, csrf?, url = '/live', ticketUrl = '/live/kaartje' })`
 * - `open()`, `close()`; `isOpen`; `listen(topic, after?)` adds a topic (a new hello); `send(message)` gives a
 *   promise of the server's answer (`ok`, `joined`, `ice`) and rejects with `Refused` (`.code`, `.field`);
 *   it is sent again by itself until answered. `isUrgent = true` in a call: a new attempt each 5 s.
 * - events: `open` {isFirst}, `down` {since}, `closed` {code} (final: 4401 signed out, 4409 moved, 4410 over),
 *   `gap` {topic}, `wake` {why: online·visible}, `message`, and each message under its own type.
 *
 * ### Devices (call/devices.js)
 * - `await open({ audio, video })` → `{ audio, video }`, each `ok`, `denied`, `denied_by_system`, `none`, `busy`,
 *   `no_answer` (event while the prompt stays open) or `not_asked`.
 * - `microphone`, `camera` (tracks or null); `audio` on·off·none·lost, `video` on·off·none·lost
 * - `mute(isMuted)`, `await showCamera(isShown)`, `await flip()`, `close()`; `canFlip`
 * - events: `change` {audio, video, cameraChanged?}, `no_answer`
 *
 * ### Call (call/call.js)
 * - `new Call({ connection, devices, topic, participant, device? })`; participant: `citizen` or `staff`
 * - `await prepare()`; `await join()` → the server's `joined` (rejects with `Refused`: `seat_taken`, `call_full`,
 *   `call_over`, `not_allowed`; waits by itself while `not_begun`); `leave(why = 'hung_up')`; `away(why)`;
 *   `close()` (page goes, says nothing); `retry()` ("Probeer nu")
 * - `others`: Map of participant → `{ participant, role, name, epoch, audio, video, writing, presence,
 *   isConnected, word }` (names come from the server); `text` (see below); `hold` null or `{ reason, until }`
 * - events:
 *   `joined` {participants, begun, hold}, `begun`, `other` {other} (somebody's state, presence or name changed),
 *   `gone` {participant}, `tracks` {participant, audio, camera, screen} (for Stage),
 *   `connected` {participant} (first time), `reconnecting` {participant, seconds} (from 3 s),
 *   `lost` {participant} (from 5 s: the lost screen), `back` {participant},
 *   `word` {participant, word: good·fair·poor·gone}, `picture` {participant, isFlowing} (no frame for 3 s),
 *   `hold` {on, reason, until}, `text` {participant, epoch, text, changes} (what somebody wrote so far),
 *   `presence` (as the log says), `trouble` (three new rounds in a minute), `refused` {code},
 *   `moved` (another page took the seat), `ended` {why: from the log, or `hung_up` here}
 *
 * ### Text (call.text; call/text.js): T.140, real-time, no send button
 * - `update(value)`: the whole value of the field at each `input` (not while composing) and `compositionend`;
 *   the piece that changed is sent after 300 ms, a correction as backspaces. `newLine()`: Enter; ends the
 *   entry (the field may be emptied, the next `update` starts from empty). `unsent`: characters still here.
 * - what comes in: event `text` of the call, `text` is all of that participant's text in this life of their
 *   page, with "\n" for new lines and U+FFFD for a hole; put it in the page with textContent.
 *
 * ### Check (call/check.js): the measuring before the call
 * - `new Check({ devices, connection, video, postOffer, makePicture })`; video: the own preview element;
 *   postOffer: async ({ sdp, type }) → { sdp, type } of the echo, or null when it is busy or away;
 *   makePicture: () → MediaStreamTrack that stands in for a camera that may not be used (Stage.movingPicture)
 * - `browser()`, `await camera()`, `await microphone(onLevel?)`, `await signalling()`, `await path()` → plain
 *   values with the outcomes and figures of calls.md section 3; `stop()`.
 *
 * ### Stage (call/stage.js): the markup it expects stands at the top of that file.
 */
