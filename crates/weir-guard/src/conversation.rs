//! What was said to a model, out of the JSON of any dialect: who says it, and what is new.
//!
//! Requests and telemetry name things alike: a message has a `role`, a part has a `type`. So one reader serves OpenAI's chats and
//! responses, Anthropic's messages, and what OpenTelemetry, Datadog and MLflow clients send. What it does not know counts as
//! said by the user: an attack must not hide in a shape that nobody thought of. What the model said, and the calls it made,
//! are left out: who watches the input need not judge the model's own words again.
//!
//! Clients send the whole conversation with each call. Everything is looked through, and what stands before the model's last
//! answer is told apart as old: a sentence counts for the call in which it was said first, not for each later one.

use std::borrow::Cow;

use crate::tape::{Key, Node, Shape, Tape};
use crate::{Passage, Place};

/// Bytes of a `data:` URL above which it is a picture and no text.
const DATA_URL_BYTES_MIN: usize = 256;

/// Members of messages and parts that say what they are, not what is said.
const LABELS: &[&str] = &[
    "cache_control",
    "call_id",
    "detail",
    "encrypted_content",
    "file_id",
    "finish_reason",
    "format",
    "id",
    "image_url",
    "media_type",
    "mime_type",
    "model",
    "name",
    "role",
    "signature",
    "status",
    "tool_call_id",
    "tool_use_id",
    "type",
    "url",
];

/// The texts of a call's input, each once.
#[derive(Debug, Default)]
pub(crate) struct Conversation<'a> {
    /// What was said in earlier turns.
    pub(crate) old: Vec<Passage<'a>>,
    /// What is said now.
    pub(crate) new: Vec<Passage<'a>>,
}

/// Who speaks in an object, or what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    User,
    System,
    Model,
    ToolResult,
    Document,
    /// A call that the model makes.
    Call,
    /// Bytes that are no text.
    Binary,
    /// A message or part of another kind: its labels are labels, what it says is its surroundings'.
    Labelled,
}

/// What the strings in an object or array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Skip,
    As(Place),
}

/// The objects of a JSON text: what each is, and what its strings are.
pub(crate) struct Parts {
    own: Vec<Option<Part>>,
    verdicts: Vec<Verdict>,
    /// Where what is new begins.
    new_from: usize,
}

impl Parts {
    /// Reads the objects; a string that nothing is known of is `otherwise`.
    pub(crate) fn of(tape: &Tape<'_>, otherwise: Place) -> Self {
        let nodes = tape.nodes();
        let mut own: Vec<Option<Part>> = vec![None; nodes.len()];
        for node in nodes.iter().filter(|node| node.shape == Shape::String) {
            let Some(part) = part_of(tape, node) else { continue };
            let known = &mut own[node.parent];
            if known.is_none_or(|known| part.rank() > known.rank()) {
                *known = Some(part);
            }
        }
        let mut verdicts = vec![Verdict::As(otherwise); nodes.len()];
        let (mut new_from, mut is_answered) = (0, false);
        for (number, node) in nodes.iter().enumerate() {
            if !matches!(node.shape, Shape::Object | Shape::Array) {
                continue;
            }
            let above = if node.parent == number { Verdict::As(otherwise) } else { verdicts[node.parent] };
            let named = tape.name(node).and_then(|name| verdict_by_name(&name, tape, node));
            verdicts[number] = match own[number] {
                Some(Part::User) => Verdict::As(Place::Input),
                Some(Part::System) => Verdict::As(Place::Instructions),
                Some(Part::ToolResult) => Verdict::As(Place::Tools),
                Some(Part::Document) => Verdict::As(Place::Documents),
                Some(Part::Model | Part::Call | Part::Binary) => Verdict::Skip,
                Some(Part::Labelled) | None => named.unwrap_or(above),
            };
            match own[number] {
                Some(Part::Model | Part::Call) => is_answered = true,
                Some(Part::User | Part::ToolResult) if is_answered => {
                    (new_from, is_answered) = (node.at.start, false);
                }
                _ => {}
            }
        }
        Self { own, verdicts, new_from }
    }

    /// Where what is new begins, in bytes of the text.
    pub(crate) const fn new_from(&self) -> usize {
        self.new_from
    }

    /// What a string is; `None` for labels and for what is not to be looked at.
    fn place(&self, tape: &Tape<'_>, node: &Node, otherwise: Place) -> Option<Place> {
        let verdict = match node.key {
            Key::Root => Verdict::As(otherwise),
            _ => self.verdicts[node.parent],
        };
        let Verdict::As(place) = verdict else { return None };
        let Some(name) = tape.name(node) else { return Some(place) };
        if self.own[node.parent].is_some() && LABELS.contains(&&*name) {
            return None;
        }
        Some(match verdict_by_name(&name, tape, node) {
            Some(Verdict::As(place)) => place,
            _ => place,
        })
    }

    /// Names of the tools that are called.
    pub(crate) fn tools_called<'a>(&self, tape: &Tape<'a>) -> Vec<Cow<'a, str>> {
        let is_call = |node: &&Node| {
            let parent = &tape.nodes()[node.parent];
            let holder = tape.name(parent);
            self.own[node.parent] == Some(Part::Call)
                || holder.is_some_and(|name| matches!(&*name, "function" | "function_call"))
        };
        let names = tape.nodes().iter().filter(|node| node.shape == Shape::String);
        let names = names.filter(|node| tape.name(node).is_some_and(|name| name == "name"));
        names.filter(is_call).map(|node| tape.said(node)).collect()
    }
}

impl Part {
    /// What is more special has the higher rank: a part's kind says more than who it is from.
    const fn rank(self) -> u8 {
        match self {
            Self::Labelled => 0,
            Self::User | Self::System | Self::Model => 1,
            Self::ToolResult | Self::Document | Self::Call | Self::Binary => 2,
        }
    }
}

/// The texts of an input.
pub(crate) fn of_input<'a>(text: &'a str, tape: Option<&Tape<'a>>) -> Conversation<'a> {
    let mut conversation = Conversation::default();
    let Some(tape) = tape else {
        conversation.new.push(plain(text, Place::Input));
        return conversation;
    };
    let parts = Parts::of(tape, Place::Input);
    for (at, passage) in passages(tape, &parts, Place::Input) {
        let side = if at < parts.new_from { &mut conversation.old } else { &mut conversation.new };
        side.push(passage);
    }
    conversation
}

/// The texts of documents, or of what a tool answered.
pub(crate) fn of_foreign<'a>(text: &'a str, tape: Option<&Tape<'a>>, place: Place) -> Vec<Passage<'a>> {
    let Some(tape) = tape else { return vec![plain(text, place)] };
    let strings = tape.nodes().iter().enumerate().filter(|(_, node)| node.shape == Shape::String);
    strings.filter_map(|(number, node)| passage(tape, number, node, place)).collect()
}

/// The texts of an answer.
pub(crate) fn of_answer<'a>(text: &'a str, tape: Option<&Tape<'a>>) -> Vec<Passage<'a>> {
    of_foreign(text, tape, Place::Output)
}

fn plain(text: &str, place: Place) -> Passage<'_> {
    Passage { place, path: String::new(), text: Cow::Borrowed(text) }
}

fn passages<'a>(tape: &Tape<'a>, parts: &Parts, otherwise: Place) -> Vec<(usize, Passage<'a>)> {
    let strings = tape.nodes().iter().enumerate().filter(|(_, node)| node.shape == Shape::String);
    let placed = strings.filter_map(|(number, node)| {
        // Nobody looks for attacks in instructions.
        let place = parts.place(tape, node, otherwise).filter(|place| *place != Place::Instructions)?;
        Some((node.at.start, passage(tape, number, node, place)?))
    });
    placed.collect()
}

fn passage<'a>(tape: &Tape<'a>, number: usize, node: &Node, place: Place) -> Option<Passage<'a>> {
    let text = tape.said(node);
    let is_data = text.len() > DATA_URL_BYTES_MIN && text.starts_with("data:");
    (!text.is_empty() && !is_data).then(|| Passage { place, path: tape.pointer(number), text })
}

/// What an object is by its `role` or `type`.
fn part_of(tape: &Tape<'_>, node: &Node) -> Option<Part> {
    let name = tape.name(node)?;
    let said = || tape.said(node);
    Some(match &*name {
        "role" => match &*said() {
            "system" | "developer" => Part::System,
            "assistant" | "model" | "ai" => Part::Model,
            "tool" | "function" => Part::ToolResult,
            _ => Part::User,
        },
        "type" => match &*said() {
            "human" => Part::User,
            "ai" | "reasoning" => Part::Model,
            "system" => Part::System,
            "document" | "search_result" => Part::Document,
            "base64" | "image" | "image_url" | "input_image" | "input_audio" => Part::Binary,
            "tool" | "tool_call_response" => Part::ToolResult,
            kind if kind.ends_with("_output") || kind.ends_with("tool_result") => Part::ToolResult,
            "tool_use" | "function_call" | "tool_call" | "custom_tool_call" | "mcp_call"
            | "server_tool_use" => Part::Call,
            _ => Part::Labelled,
        },
        _ => return None,
    })
}

/// What a member of the whole is by its name.
fn verdict_by_name(name: &str, tape: &Tape<'_>, node: &Node) -> Option<Verdict> {
    let is_at_root = tape.nodes()[node.parent].key == Key::Root;
    Some(match name {
        "system" | "instructions" | "system_instruction" if is_at_root => Verdict::As(Place::Instructions),
        "documents" if is_at_root => Verdict::As(Place::Documents),
        "tool_calls" | "function_call" => Verdict::Skip,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let tape = Tape::read(text);
        let conversation = of_input(text, tape.as_ref());
        let line = |age: &str, passage: &Passage<'_>| {
            format!("{age} {:?} {} {}", passage.place, passage.path, passage.text)
        };
        let old = conversation.old.iter().map(|passage| line("old", passage));
        old.chain(conversation.new.iter().map(|passage| line("new", passage))).collect()
    }

    #[test]
    fn a_chat_is_read_with_its_tools_and_only_the_last_turn_is_new() {
        let chat = r#"[{"role":"system","content":"be nice"},{"content":"hi","role":"user"},
            {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},
            {"role":"tool","tool_call_id":"1","content":"found"},{"role":"assistant","content":"ok"},
            {"role":"user","name":"jo","content":[{"type":"text","text":"more"},{"type":"image_url","image_url":{"url":"http://x"}}]}]"#;
        assert_eq!(
            told(chat),
            ["old Input /1/content hi", "old Tools /3/content found", "new Input /5/content/0/text more"]
        );
    }

    #[test]
    fn blocks_of_anthropic_say_what_they_are() {
        let messages = r#"{"system":"be nice","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"q":"x"}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"found"}]},
            {"type":"document","source":{"type":"text","media_type":"text/plain","data":"doc"}},{"type":"image","source":{"type":"base64","data":"AAAA"}},{"type":"text","text":"go on"}]},
            {"role":"assistant","content":"I"}]}"#;
        let expected = [
            "old Input /messages/0/content hi",
            "new Tools /messages/2/content/0/content/0/text found",
            "new Documents /messages/2/content/1/source/data doc",
            "new Input /messages/2/content/3/text go on",
        ];
        assert_eq!(told(messages), expected);
    }

    #[test]
    fn items_of_responses_and_parts_of_opentelemetry_are_read() {
        let items = r#"{"instructions":"be nice","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"found"}]}"#;
        assert_eq!(told(items), ["old Input /input/0/content/0/text hi", "new Tools /input/2/output found"]);
        let parts = r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"1","response":{"name":"x"}}]}]"#;
        assert_eq!(told(parts), ["new Input /0/parts/0/content hi", "new Tools /1/parts/0/response/name x"]);
    }

    #[test]
    fn what_nobody_knows_is_said_by_the_user() {
        assert_eq!(told("hi {you}"), ["new Input  hi {you}"]);
        assert_eq!(told(r#""hi""#), ["new Input  hi"]);
        assert_eq!(
            told(r#"{"question":"q","deep":[{"x":"y"}]}"#),
            ["new Input /question q", "new Input /deep/0/x y"]
        );
        assert_eq!(told(r#"[{"role":"stranger","content":"hi"}]"#), ["new Input /0/content hi"]);
    }

    #[test]
    fn calls_in_an_answer_are_told_by_name() {
        let names = |text: &str| {
            let tape = Tape::read(text).unwrap();
            Parts::of(&tape, Place::Output).tools_called(&tape).join(" ")
        };
        assert_eq!(
            names(
                r#"[{"role":"assistant","name":"jo","tool_calls":[{"type":"function","function":{"name":"f","arguments":"{\"name\":\"x\"}"}}]}]"#
            ),
            "f"
        );
        assert_eq!(
            names(
                r#"[{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","name":"g","input":{"name":"x"}}]}]"#
            ),
            "g"
        );
        assert_eq!(names(r#"[{"type":"function_call","name":"h","arguments":"{}"}]"#), "h");
    }
}
