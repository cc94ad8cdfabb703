/* labwire: optimizer, experiment designer and their servers, as bytes and numbers. Written by cbindgen from core/c/src.
 *
 * Objects are made by functions that end in `_new`, `_from_text` or the like, and freed by `_free`, once; NULL is not
 * freed. An object may move between threads, and is used by one at a time, but for a `labwire_problem`, which never
 * changes and may be used by any number of threads. Different objects are independent: there is no global state, and
 * nothing calls back.
 *
 * Functions that can fail return a code, and describe the failure in `error` unless that is NULL; it then changes nothing
 * else. NULL for anything but `error`, and lengths that do not fit, are such failures. A pointer to something else, and an
 * array that is shorter than its length says, are not noticed.
 *
 * Texts are UTF-8. Those that go in have a length in bytes, or LABWIRE_TERMINATED if a NUL ends them. For those that come
 * out there is an array of `size` bytes; `length`, unless NULL, becomes the length of the text without its NUL. If the
 * array is too small, nothing but an empty text is written, and the code is LABWIRE_CODE_BUFFER_TOO_SMALL: ask again with
 * `length + 1` bytes.
 */

#ifndef LABWIRE_H
#define LABWIRE_H

#include <stddef.h>
#include <stdint.h>

// Length of a text that ends at its NUL.
#define LABWIRE_TERMINATED ((size_t)-1)

// Bytes of the text of a failure, with its NUL.
#define LABWIRE_MESSAGE_SIZE 1024

// Kind of a failure.
typedef enum labwire_code {
  // It has worked.
  LABWIRE_CODE_OK = 0,
  // A pointer is NULL.
  LABWIRE_CODE_NULL_POINTER = 1,
  // An array has the wrong length.
  LABWIRE_CODE_WRONG_LENGTH = 2,
  // A text is not UTF-8.
  LABWIRE_CODE_NOT_UTF8 = 3,
  // A problem, an experiment, a posterior or a request is invalid.
  LABWIRE_CODE_INVALID_TEXT = 4,
  // A number is out of range.
  LABWIRE_CODE_INVALID_VALUE = 5,
  // The call makes no sense now, such as that for the result of a solve that has not ended.
  LABWIRE_CODE_WRONG_STATE = 6,
  // The array for a text is too small.
  LABWIRE_CODE_BUFFER_TOO_SMALL = 7,
  // A fault of the library. The object may only be freed.
  LABWIRE_CODE_INTERNAL = 8,
} labwire_code;

// What a device's client asks of its caller.
typedef enum labwire_action {
  // Nothing.
  LABWIRE_ACTION_NONE = 0,
  // Connect, and report it by `labwire_client_connected` or `labwire_client_connect_failed`.
  LABWIRE_ACTION_CONNECT = 1,
  // Close the connection, or give up connecting. Nothing is reported about it.
  LABWIRE_ACTION_CLOSE = 2,
} labwire_action;

// Kind of an event.
typedef enum labwire_event {
  // There is none.
  LABWIRE_EVENT_NONE = 0,
  // Reply to the oldest request that has none yet; the text is the reply, and that of a device may be any bytes.
  LABWIRE_EVENT_REPLY = 1,
  // Regular end of the connection, and the last event; the text is the reason.
  LABWIRE_EVENT_FINISHED = 2,
  // Other end of the connection, and the last event; the text is the reason. Requests without replies stay so.
  LABWIRE_EVENT_FAILED = 3,
  // The oldest request to a device without a reply has failed, and nothing of it was sent; the text is the reason.
  LABWIRE_EVENT_REQUEST_NOT_SENT = 4,
  // The oldest request to a device without a reply has failed, and the device may have received it; the text is the
  // reason.
  LABWIRE_EVENT_REQUEST_FAILED = 5,
  // A device has become unusable; the text is the reason. The client connects again.
  LABWIRE_EVENT_DEGRADED = 6,
  // A device is usable again.
  LABWIRE_EVENT_RESTORED = 7,
  // A device has sent these bytes without having been asked.
  LABWIRE_EVENT_UNASKED = 8,
  // A server of PyMoDAQ orders this module to do something; the text is the order.
  LABWIRE_EVENT_ORDER = 9,
} labwire_event;

// Outcome of a solve.
typedef enum labwire_status {
  // No solve has ended.
  LABWIRE_STATUS_UNSOLVED = 0,
  // Residual and violation are below their tolerances.
  LABWIRE_STATUS_CONVERGED = 1,
  // As converged, but no minimum: the curvature is negative.
  LABWIRE_STATUS_STATIONARY = 2,
  // An iteration limit was reached.
  LABWIRE_STATUS_ITERATION_LIMIT = 3,
  // The time limit was reached.
  LABWIRE_STATUS_TIME_LIMIT = 4,
  // Cost or gradient is not finite at the initial guess.
  LABWIRE_STATUS_NOT_FINITE = 5,
  // The constraints cannot be satisfied near the point.
  LABWIRE_STATUS_LOCALLY_INFEASIBLE = 6,
  // The cost falls without end.
  LABWIRE_STATUS_UNBOUNDED = 7,
  // No step improves the point in double precision.
  LABWIRE_STATUS_NO_PROGRESS = 8,
  // The solve was cancelled.
  LABWIRE_STATUS_CANCELLED = 9,
  // An outcome that this header does not know.
  LABWIRE_STATUS_OTHER = 10,
} labwire_status;

// Kind of a module of PyMoDAQ.
typedef enum labwire_module {
  // Detector.
  LABWIRE_MODULE_GRABBER = 0,
  // Actuator.
  LABWIRE_MODULE_ACTUATOR = 1,
} labwire_module;

// Protocol of a client, and what its requests and replies are.
typedef enum labwire_protocol {
  // OpEn, for one request, as every server of it takes them: JSON such as {"Ping": 1}.
  LABWIRE_PROTOCOL_OPEN_ONCE = 0,
  // OpEn, for any number of requests, which only labwire's servers take.
  LABWIRE_PROTOCOL_OPEN = 1,
  // OptBayesExpt: JSON such as {"command": "optset"}.
  LABWIRE_PROTOCOL_OBE = 2,
  // ZEISS INSPECT over TCP, for one request: JSON or another text.
  LABWIRE_PROTOCOL_ZEISS = 3,
  // PyMoDAQ modules of labwire's server: JSON such as {"id": 1, "request": "move_abs", "modules": ["stage"], "value": 2},
  // for the requests list, grab (perhaps with "dim": "2D"), last, move_abs and move_rel (with "value"), home, stop,
  // position, settings, set (with "path" and "value") and rename (with "value"). Replies come as modules end, and have
  // the "id" of their request. For "modules": [] it goes to all that support it. Arrays are numbers in the text, such as
  // {"index": 0, "shape": [2, 3]}: `labwire_client_array` copies them.
  LABWIRE_PROTOCOL_PYMODAQ = 4,
} labwire_protocol;

// Client side of one connection, for any transport. The caller moves its bytes and tells the time, in nanoseconds since
// some moment.
typedef struct labwire_client labwire_client;

// Sequential Bayesian experiment designer: suggests the next setting and learns from the measurements.
typedef struct labwire_designer labwire_designer;

// Problem with parameters. It never changes; any number of threads may use it.
typedef struct labwire_problem labwire_problem;

// Server of a protocol, for any transport. The caller numbers the connections, moves their bytes and tells the time, in
// nanoseconds since some moment.
typedef struct labwire_server labwire_server;

// Solver of one problem, with all its memory. Each solve starts from the result of the one before.
typedef struct labwire_solver labwire_solver;

// Description of a failure.
typedef struct labwire_error {
  // Kind.
  enum labwire_code code;
  // What is wrong, and what was expected; a long text is cut.
  char message[LABWIRE_MESSAGE_SIZE];
} labwire_error;

// Numbers of an experiment and its designer.
typedef struct labwire_design {
  // Numbers of a setting.
  size_t knobs;
  // Numbers of a measurement.
  size_t channels;
  // Parameters that are sought.
  size_t parameters;
  // Particles of the posterior.
  size_t particles;
  // Measurements taken in.
  size_t measurements;
  // Number of equally weighted particles that would carry the same information.
  double effective_sample_size;
  // Entropy, in nats, of a normal distribution with the same covariance.
  double entropy;
} labwire_design;

// Numbers of a problem.
typedef struct labwire_dimensions {
  // Decision variables.
  size_t variables;
  // Parameters.
  size_t parameters;
  // Constraints of F1 (augmented Lagrangian).
  size_t f1;
  // Constraints of F2 (equalities).
  size_t f2;
} labwire_dimensions;

// State of a connection.
typedef struct labwire_connection {
  // Bytes to be sent, valid until the next call for this server or client; NULL if there are none.
  const uint8_t *output;
  // Number of these bytes; more may follow.
  size_t output_length;
  // Whether to read: 0 while no input is wanted.
  int32_t wants_input;
  // Once there is no output: whether to close the sending side (FIN) and read on.
  int32_t is_finishing;
  // Whether to close the connection at once, and to tell a server so by `labwire_server_disconnect`. That of a device is
  // closed when `labwire_client_action` says so.
  int32_t is_over;
} labwire_connection;

// Summary of a solve.
typedef struct labwire_summary {
  // Outcome.
  enum labwire_status status;
  // Cost.
  double cost;
  // Unscaled stationarity residual, in the infinity norm.
  double residual;
  // Largest violation of a constraint.
  double violation;
  // Time from start to end, in milliseconds.
  double solve_time_ms;
  // Evaluations of cost, constraints and gradient.
  uint64_t evaluations;
  // Exact Hessians of the Lagrangian.
  uint64_t hessian_evaluations;
  // Products of a vector with the Hessian.
  uint64_t hessian_products;
  // Inner iterations.
  uint64_t inner_iterations;
  // Outer iterations.
  uint64_t outer_iterations;
} labwire_summary;

// Search for integers, of a problem with such variables.
typedef struct labwire_integers {
  // Number of nodes, of solves without that condition; 0 if the problem has no integers.
  uint64_t nodes;
  // Whether the solution has integers and meets the constraints.
  int32_t has_solution;
  // Whether the bound holds for all solutions; otherwise it is made of local minima.
  int32_t is_global;
  // Cost that no solution is below; NaN if none is known.
  double bound;
  // Largest part of its cost by which another solution may be better; NaN if none is known.
  double gap;
} labwire_integers;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Version of the library, such as "0.1.0".
const char *labwire_version(void);

// Makes a designer that knows the priors of an experiment file. Equal seeds, below 2^53, give equal suggestions.
enum labwire_code labwire_designer_from_text(const char *json,
                                             size_t length,
                                             uint64_t seed,
                                             struct labwire_designer **designer,
                                             struct labwire_error *error);

// Makes a designer that goes on from a posterior, for the same experiment file.
enum labwire_code labwire_designer_from_posterior(const char *json,
                                                  size_t length,
                                                  const char *posterior,
                                                  size_t posterior_length,
                                                  struct labwire_designer **designer,
                                                  struct labwire_error *error);

// Frees a designer.
void labwire_designer_free(struct labwire_designer *designer);

// Numbers of the experiment and the state of what is known.
enum labwire_code labwire_designer_summary(const struct labwire_designer *designer,
                                           struct labwire_design *summary,
                                           struct labwire_error *error);

// Next setting to measure, one number per knob.
enum labwire_code labwire_designer_suggest(struct labwire_designer *designer,
                                           double *setting,
                                           size_t knobs,
                                           struct labwire_error *error);

// Takes in a measurement: the setting, one number per channel, and their standard deviations, which are NULL, with length
// 0, unless the experiment leaves the noise to the measurements.
enum labwire_code labwire_designer_update(struct labwire_designer *designer,
                                          const double *setting,
                                          size_t knobs,
                                          const double *values,
                                          size_t channels,
                                          const double *sigma,
                                          size_t sigma_length,
                                          struct labwire_error *error);

// Undoes the last measurement.
enum labwire_code labwire_designer_undo(struct labwire_designer *designer, struct labwire_error *error);

// Mean of each parameter.
enum labwire_code labwire_designer_mean(const struct labwire_designer *designer,
                                        double *values,
                                        size_t parameters,
                                        struct labwire_error *error);

// Standard deviation of each parameter.
enum labwire_code labwire_designer_std(const struct labwire_designer *designer,
                                       double *values,
                                       size_t parameters,
                                       struct labwire_error *error);

// Covariance matrix of the parameters, by rows; `length` is the square of their number.
enum labwire_code labwire_designer_covariance(const struct labwire_designer *designer,
                                              double *values,
                                              size_t length,
                                              struct labwire_error *error);

// Values of a parameter, one per particle.
enum labwire_code labwire_designer_particles(const struct labwire_designer *designer,
                                             size_t parameter,
                                             double *values,
                                             size_t particles,
                                             struct labwire_error *error);

// Weights of the particles; they sum to 1.
enum labwire_code labwire_designer_weights(const struct labwire_designer *designer,
                                           double *values,
                                           size_t particles,
                                           struct labwire_error *error);

// Complete state as text, for `labwire_designer_from_posterior`. Its length changes with each measurement.
enum labwire_code labwire_designer_posterior(const struct labwire_designer *designer,
                                             char *json,
                                             size_t size,
                                             size_t *length,
                                             struct labwire_error *error);

// Makes a client of a device. `dialect` is the framing of its messages, "scpi", "crlf" or another of
// `labwire device presets`, perhaps with options: "scpi,end=crlf,echo". `seed` determines the jitter of the delays before
// it connects again, and should differ between clients. The first `labwire_client_timeout` starts it.
//
// It decides when to connect and to close: ask `labwire_client_action` after each call, before the output. The end of a
// connection is not its end, that is `labwire_client_finish`. `labwire_client_request` queues a command, with an answer if
// there is a question mark in its first word, or if such devices answer every command.
enum labwire_code labwire_client_device(const char *dialect,
                                        size_t length,
                                        uint64_t seed,
                                        struct labwire_client **client,
                                        struct labwire_error *error);

// Queues a device's command that has an answer.
enum labwire_code labwire_client_query(struct labwire_client *client,
                                       uint64_t now,
                                       const char *command,
                                       size_t length,
                                       struct labwire_error *error);

// Queues a device's command that sets something. Its reply is empty, and comes when it was sent, unless such devices
// answer every command.
enum labwire_code labwire_client_send(struct labwire_client *client,
                                      uint64_t now,
                                      const char *command,
                                      size_t length,
                                      struct labwire_error *error);

// What a device's client asks for next.
enum labwire_code labwire_client_action(struct labwire_client *client,
                                        enum labwire_action *action,
                                        struct labwire_error *error);

// Reports that the device is connected, as `labwire_client_action` has asked.
enum labwire_code labwire_client_connected(struct labwire_client *client,
                                           uint64_t now,
                                           struct labwire_error *error);

// Reports that the device could not be connected; `reason` becomes a part of messages.
enum labwire_code labwire_client_connect_failed(struct labwire_client *client,
                                                uint64_t now,
                                                const char *reason,
                                                size_t length,
                                                struct labwire_error *error);

// Name of a code, such as "wrong length".
const char *labwire_code_name(int32_t code);

// Makes a module of PyMoDAQ, whose hardware is the caller's, for a connection that begins at `now`. `kind` is one of
// labwire_module; `generation` the server's release of PyMoDAQ, such as "4.4", or "g4" for labwire's own server; `name` a
// proposal to labwire's server, or NULL; `settings` PyMoDAQ's XML, or NULL for none. The last three end at their NUL.
//
// Its events are orders, to be answered by `labwire_client_report`:
// {"order": "grab", "dim": "2D"} by data, of any dimensionality;
// {"order": "move_abs", "value": 2, "units": "mm"}, {"order": "move_rel", ...} and {"order": "home"} by "move_done" at the end;
// {"order": "stop"}, which ends a move; {"order": "position"} by "position";
// {"order": "set", "path": ["settings", "exposure"], "value": "0.1", "xml": "<exposure ..>"} by "set".
enum labwire_code labwire_client_module(int32_t kind,
                                        const char *generation,
                                        const char *name,
                                        const char *settings,
                                        uint64_t now,
                                        struct labwire_client **client,
                                        struct labwire_error *error);

// Reports something of a module, or answers an order:
// {"report": "position", "value": 2, "units": "mm"}, {"report": "move_done", "value": 2, "units": "mm"},
// {"report": "set", "path": [...], "xml": "..."}, {"report": "error", "text": "why an order was not carried out"},
// {"report": "data", "name": "camera", "timestamp": 0, "data": [{"name": "image", "units": "counts", "shape": [2, 3],
// "labels": ["red", "blue"], "axes": [{"dimension": 1, "label": "x", "units": "mm"}]}]}, with a label per channel.
// `values` has the numbers of data: for each of them those of the channels, by rows, then those of the axes. It is NULL,
// with `count` 0, for other reports.
enum labwire_code labwire_client_report(struct labwire_client *client,
                                        uint64_t now,
                                        const char *report,
                                        size_t length,
                                        const double *values,
                                        size_t count,
                                        struct labwire_error *error);

// Reads a problem file.
enum labwire_code labwire_problem_from_text(const char *json,
                                            size_t length,
                                            struct labwire_problem **problem,
                                            struct labwire_error *error);

// Frees a problem. Solvers that were made for it stay.
void labwire_problem_free(struct labwire_problem *problem);

// Numbers of variables, parameters and constraints.
enum labwire_code labwire_problem_dimensions(const struct labwire_problem *problem,
                                             struct labwire_dimensions *dimensions,
                                             struct labwire_error *error);

// Name of a problem.
enum labwire_code labwire_problem_name(const struct labwire_problem *problem,
                                       char *name,
                                       size_t size,
                                       size_t *length,
                                       struct labwire_error *error);

// Makes an OpEn server for a problem, with default limits.
enum labwire_code labwire_server_open(const struct labwire_problem *problem,
                                      struct labwire_server **server,
                                      struct labwire_error *error);

// Makes an OptBayesExpt server for an experiment file, with default limits; it stores no posteriors.
enum labwire_code labwire_server_obe(const char *json,
                                     size_t length,
                                     uint64_t seed,
                                     struct labwire_server **server,
                                     struct labwire_error *error);

// Makes a server for modules of PyMoDAQ and for clients that use them, with default limits. `epoch` is the time of day, in
// seconds since 1970, at which the caller's time was 0.
enum labwire_code labwire_server_pymodaq(double epoch,
                                         struct labwire_server **server,
                                         struct labwire_error *error);

// Frees a server with all its connections.
void labwire_server_free(struct labwire_server *server);

// Opens connection `id`, a number that no open connection has. `is_local` says whether the peer is on this machine: some
// requests are granted to such peers only.
enum labwire_code labwire_server_connect(struct labwire_server *server,
                                         uint64_t now,
                                         uint64_t id,
                                         int32_t is_local,
                                         struct labwire_error *error);

// Takes bytes from the peer, all of them. It fails while the connection wants no input.
enum labwire_code labwire_server_input(struct labwire_server *server,
                                       uint64_t now,
                                       uint64_t id,
                                       const uint8_t *bytes,
                                       size_t length,
                                       struct labwire_error *error);

// Reports that the peer has closed its sending side.
enum labwire_code labwire_server_eof(struct labwire_server *server,
                                     uint64_t now,
                                     uint64_t id,
                                     struct labwire_error *error);

// Output and state of a connection. Ask after each call for this server, for every connection.
enum labwire_code labwire_server_connection(const struct labwire_server *server,
                                            uint64_t id,
                                            struct labwire_connection *connection,
                                            struct labwire_error *error);

// Reports that the first `count` bytes of the output were sent.
enum labwire_code labwire_server_sent(struct labwire_server *server,
                                      uint64_t now,
                                      uint64_t id,
                                      size_t count,
                                      struct labwire_error *error);

// Reports that the connection is no more: it was over, or has failed. Its number may be used again.
enum labwire_code labwire_server_disconnect(struct labwire_server *server,
                                            uint64_t now,
                                            uint64_t id,
                                            struct labwire_error *error);

// Works on requests for about `fuel` evaluations, such as 1000. `is_busy` becomes 1 while there is more to do, else 0.
enum labwire_code labwire_server_step(struct labwire_server *server,
                                      uint64_t now,
                                      uint32_t fuel,
                                      int32_t *is_busy,
                                      struct labwire_error *error);

// Time at which `labwire_server_timeout` is due; UINT64_MAX for never.
enum labwire_code labwire_server_next_timeout(const struct labwire_server *server,
                                              uint64_t *due,
                                              struct labwire_error *error);

// Reports that time has passed. A call before it is due does nothing.
enum labwire_code labwire_server_timeout(struct labwire_server *server,
                                         uint64_t now,
                                         struct labwire_error *error);

// Asks the server to end: requests in progress are still answered, new ones refused.
enum labwire_code labwire_server_shutdown(struct labwire_server *server,
                                          uint64_t now,
                                          struct labwire_error *error);

// Whether a peer or the caller has asked the server to end, and nothing is running any more: 1, else 0.
enum labwire_code labwire_server_is_finished(const struct labwire_server *server,
                                             int32_t *is_finished,
                                             struct labwire_error *error);

// Makes a client with default limits. `protocol` is one of labwire_protocol.
enum labwire_code labwire_client_new(int32_t protocol,
                                     uint64_t now,
                                     struct labwire_client **client,
                                     struct labwire_error *error);

// Frees a client.
void labwire_client_free(struct labwire_client *client);

// Queues a request.
enum labwire_code labwire_client_request(struct labwire_client *client,
                                         uint64_t now,
                                         const char *request,
                                         size_t length,
                                         struct labwire_error *error);

// Ends the connection after the last reply.
enum labwire_code labwire_client_finish(struct labwire_client *client,
                                        uint64_t now,
                                        struct labwire_error *error);

// Takes bytes from the server, all of them. It fails while the client wants no input.
enum labwire_code labwire_client_input(struct labwire_client *client,
                                       uint64_t now,
                                       const uint8_t *bytes,
                                       size_t length,
                                       struct labwire_error *error);

// Reports that the server has closed its sending side.
enum labwire_code labwire_client_eof(struct labwire_client *client,
                                     uint64_t now,
                                     struct labwire_error *error);

// Reports that the connection has failed.
enum labwire_code labwire_client_lost(struct labwire_client *client,
                                      uint64_t now,
                                      struct labwire_error *error);

// Output and state of the connection. Ask after each call for this client.
enum labwire_code labwire_client_connection(const struct labwire_client *client,
                                            struct labwire_connection *connection,
                                            struct labwire_error *error);

// Reports that the first `count` bytes of the output were sent.
enum labwire_code labwire_client_sent(struct labwire_client *client,
                                      uint64_t now,
                                      size_t count,
                                      struct labwire_error *error);

// Next event and its text. One whose text does not fit stays the next.
enum labwire_code labwire_client_poll(struct labwire_client *client,
                                      enum labwire_event *event,
                                      char *text,
                                      size_t size,
                                      size_t *length,
                                      struct labwire_error *error);

// Time at which `labwire_client_timeout` is due; UINT64_MAX for never.
enum labwire_code labwire_client_next_timeout(const struct labwire_client *client,
                                              uint64_t *due,
                                              struct labwire_error *error);

// Reports that time has passed. A call before it is due does nothing.
enum labwire_code labwire_client_timeout(struct labwire_client *client,
                                         uint64_t now,
                                         struct labwire_error *error);

// Copies an array that the text of the last event mentions, by its "index", from PyMoDAQ's data: as many numbers as its shape
// says, by rows. What is no number is NaN.
enum labwire_code labwire_client_array(const struct labwire_client *client,
                                       size_t index,
                                       double *values,
                                       size_t length,
                                       struct labwire_error *error);

// Makes a solver with the settings of the problem file.
enum labwire_code labwire_solver_new(const struct labwire_problem *problem,
                                     struct labwire_solver **solver,
                                     struct labwire_error *error);

// Frees a solver.
void labwire_solver_free(struct labwire_solver *solver);

// Limits the time of each solve from now on, besides the limit of the problem file, to `seconds`; 0 for no limit.
enum labwire_code labwire_solver_set_time_limit(struct labwire_solver *solver,
                                                double seconds,
                                                struct labwire_error *error);

// Initial guess of the next solve, one number per variable, in place of the result of the last one.
enum labwire_code labwire_solver_set_guess(struct labwire_solver *solver,
                                           const double *values,
                                           size_t length,
                                           struct labwire_error *error);

// Lagrange multipliers for the next solve, those of F1 before those of F2, in place of those of the last one.
enum labwire_code labwire_solver_set_multipliers(struct labwire_solver *solver,
                                                 const double *values,
                                                 size_t length,
                                                 struct labwire_error *error);

// Lets the next solve ignore the result of the last one.
enum labwire_code labwire_solver_forget(struct labwire_solver *solver, struct labwire_error *error);

// Solves for `parameters`. LABWIRE_CODE_OK says that the solve has ended; `labwire_solver_summary` says how.
enum labwire_code labwire_solver_solve(struct labwire_solver *solver,
                                       const double *parameters,
                                       size_t length,
                                       struct labwire_error *error);

// Begins a solve for `parameters`; `labwire_solver_step` does the work.
enum labwire_code labwire_solver_start(struct labwire_solver *solver,
                                       const double *parameters,
                                       size_t length,
                                       struct labwire_error *error);

// Continues for about `fuel` evaluations. `is_running` becomes 0 when the solve has ended, else 1.
enum labwire_code labwire_solver_step(struct labwire_solver *solver,
                                      uint32_t fuel,
                                      int32_t *is_running,
                                      struct labwire_error *error);

// Ends the solve in progress, if any; its result is the best point so far.
enum labwire_code labwire_solver_cancel(struct labwire_solver *solver, struct labwire_error *error);

// Summary of the last solve.
enum labwire_code labwire_solver_summary(const struct labwire_solver *solver,
                                         struct labwire_summary *summary,
                                         struct labwire_error *error);

// Search for integers of the last solve.
enum labwire_code labwire_solver_integers(const struct labwire_solver *solver,
                                          struct labwire_integers *integers,
                                          struct labwire_error *error);

// Decision variables of the last solve, one number per variable; the best point seen if it did not converge.
enum labwire_code labwire_solver_solution(const struct labwire_solver *solver,
                                          double *values,
                                          size_t length,
                                          struct labwire_error *error);

// Lagrange multipliers of the last solve, those of F1 before those of F2.
enum labwire_code labwire_solver_multipliers(const struct labwire_solver *solver,
                                             double *values,
                                             size_t length,
                                             struct labwire_error *error);

// Values of the constraints at the last solution, those of F1 before those of F2.
enum labwire_code labwire_solver_constraints(const struct labwire_solver *solver,
                                             double *values,
                                             size_t length,
                                             struct labwire_error *error);

// Derivatives of the last solution with respect to the parameters, by rows: a row per variable, a column per parameter.
// The last solve must have converged.
enum labwire_code labwire_solver_sensitivities(struct labwire_solver *solver,
                                               double *values,
                                               size_t length,
                                               struct labwire_error *error);

// The last solve as JSON, with all its numbers and the values of the variables by name.
enum labwire_code labwire_solver_json(const struct labwire_solver *solver,
                                      char *json,
                                      size_t size,
                                      size_t *length,
                                      struct labwire_error *error);

// Name of a status, such as "converged".
const char *labwire_status_name(int32_t status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LABWIRE_H */
