//! Every fault at every operation: each scenario is stopped and failed at each file-system
//! operation in turn, opened again, and checked against the promises.

mod damage;
mod golden;
mod model;
mod power;
mod repair;
mod run;
mod scenarios;
mod steps;
mod trouble;
