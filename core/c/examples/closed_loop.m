% Model-predictive control from MATLAB. Needs a C compiler for loadlibrary, and labwire.h and liblabwire on the path.
loadlibrary('liblabwire', 'labwire.h');
unload = onCleanup(@() unloadlibrary('liblabwire'));

text = fileread('cart.json');
failure = libstruct('labwire_error');
problem = libpointer('labwire_problemPtrPtr');
check(calllib('liblabwire', 'labwire_problem_from_text', text, intmax('uint64'), problem, failure), failure);
solver = libpointer('labwire_solverPtrPtr');
check(calllib('liblabwire', 'labwire_solver_new', problem.Value, solver, failure), failure);

state = [1; 0];
u = libpointer('doublePtr', zeros(20, 1));
for period = 1:100
    check(calllib('liblabwire', 'labwire_solver_solve', solver.Value, state, 2, failure), failure);
    check(calllib('liblabwire', 'labwire_solver_solution', solver.Value, u, 20, failure), failure);
    force = u.Value(1);
    state = state + 0.1 * [state(2); force];
end
calllib('liblabwire', 'labwire_solver_free', solver.Value);
calllib('liblabwire', 'labwire_problem_free', problem.Value);

function check(code, failure)
    if code ~= 0
        error('labwire:error', '%s', char(failure.message(failure.message > 0)));
    end
end
