//! A browser with several tabs. `tests/node/tabs.mjs` describes the acts.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use serde_json::{Value, json};

use super::node::{browser, start};

/// A running browser, stopped when dropped. Its methods block, which is fine: the server has its own threads.
pub struct Tabs {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Tabs {
    pub fn start() -> Self {
        let mut child =
            start(&["tabs.mjs", &browser()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Performs an act in one tab, or in all at once.
    pub fn act(&mut self, act: &str, tab: Option<usize>, argument: impl Into<Value>) -> Value {
        let argument: Value = argument.into();
        writeln!(self.input.as_ref().unwrap(), "{}", json!([act, tab, argument])).unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let mut answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer.get("error").is_none(), "{act} {tab:?} {argument}: {answer}");
        answer["ok"].take()
    }

    /// Returns the value of an expression in one tab.
    pub fn run(&mut self, tab: usize, script: &str) -> Value {
        self.act("run", Some(tab), script)
    }

    /// Returns the values of an expression in all tabs, which evaluate it at the same time.
    pub fn run_all(&mut self, script: &str) -> Vec<Value> {
        self.act("run", None, script).as_array().unwrap().clone()
    }

    /// Returns how often all tabs together sent an operation.
    pub fn count(&mut self, operation: &str) -> u64 {
        self.act("count", None, operation).as_array().unwrap().iter().filter_map(Value::as_u64).sum()
    }
}

impl Drop for Tabs {
    fn drop(&mut self) {
        // the browser ends when its input ends
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
