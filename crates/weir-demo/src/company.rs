//! The company of the demo: who asks what, of which model, and what the answers are.
//!
//! The texts are data (`data/demo/company.toml`). Traffic asks from it, the simulator answers from it, and the back-fill
//! writes its past, so a question always has its own answer. A question may hold slots such as `{order}`; what stands
//! there is found again in the question and put into the answer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// Everything the demo knows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Company {
    /// Names of end users.
    pub users: Vec<String>,
    /// What may stand in a slot.
    pub slots: BTreeMap<String, Vec<String>>,
    /// Answers to questions that nobody foresaw.
    pub general: Vec<String>,
    /// What the company does with models.
    pub scenarios: Vec<Scenario>,
}

/// How calls of a scenario follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// Turns of one conversation.
    Chat,
    /// An embedding, a retrieval, and an answer from what was found.
    Rag,
    /// A model that calls tools until it knows the answer.
    Agent,
    /// One question, one answer as JSON.
    Extract,
    /// Texts turned into vectors, many at once.
    Embed,
}

/// One thing the company does.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub id: String,
    pub team: String,
    pub app: String,
    pub agent: Option<String>,
    pub service: String,
    pub env: String,
    /// How often it happens, against the others; mishaps, which happen instead of another once in a while, have none.
    pub weight: u32,
    pub shape: Shape,
    pub stream: bool,
    /// The models it uses; a model that is named twice is used twice as often.
    pub models: Vec<String>,
    #[serde(default)]
    pub system: String,
    /// What the model is told on top of that, the same in every call and long enough for the provider to cache it.
    #[serde(default)]
    pub handbook: String,
    #[serde(default)]
    pub documents: Vec<Document>,
    #[serde(default)]
    pub tools: Vec<ToolScript>,
    pub exchanges: Vec<Exchange>,
}

/// A text that retrieval finds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub id: String,
    pub text: String,
}

/// A tool of an agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolScript {
    pub name: String,
    pub description: String,
    /// The arguments' names; all are strings.
    pub arguments: Vec<String>,
}

/// A question and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub ask: String,
    pub reply: String,
    /// The tools called on the way.
    #[serde(default)]
    pub steps: Vec<ToolStep>,
}

/// One call of a tool.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolStep {
    pub tool: String,
    /// JSON text.
    pub arguments: String,
    /// What the tool returned, as text.
    pub result: String,
}

static BUNDLED: LazyLock<Company> = LazyLock::new(|| {
    toml::from_str(include_str!("../../../data/demo/company.toml"))
        .expect("the bundled company.toml is part of the program, and a test reads it")
});

/// What stood in the slots of a question.
pub(crate) type Slots<'a> = Vec<(&'a str, Cow<'a, str>)>;

impl Company {
    /// The company that comes with the program.
    pub(crate) fn bundled() -> &'static Self {
        &BUNDLED
    }

    /// The exchange that begins with this question, and what stands in its slots.
    pub(crate) fn find<'a>(&'a self, question: &'a str) -> Option<(&'a Scenario, &'a Exchange, Slots<'a>)> {
        let mut answered = self.scenarios.iter().filter(|scenario| scenario.shape != Shape::Embed);
        answered.find_map(|scenario| {
            scenario
                .exchanges
                .iter()
                .find_map(|exchange| Some((scenario, exchange, match_slots(&exchange.ask, question)?)))
        })
    }

    /// A value for each slot of a text.
    pub(crate) fn draw<'a>(&'a self, template: &'a str, rng: &mut fastrand::Rng) -> Slots<'a> {
        let values = |name: &str| self.slots.get(name).map_or(&[][..], Vec::as_slice);
        let mut slots: Slots<'a> = Vec::new();
        for name in slot_names(template) {
            if slots.iter().all(|(known, _)| *known != name) {
                let value = rng.choice(values(name)).map_or(name, String::as_str);
                slots.push((name, Cow::Borrowed(value)));
            }
        }
        slots
    }
}

#[cfg(test)]
impl Exchange {
    /// Every text that may have slots.
    fn texts(&self) -> impl Iterator<Item = &str> {
        let steps = self.steps.iter().flat_map(|step| [step.arguments.as_str(), step.result.as_str()]);
        [self.ask.as_str(), self.reply.as_str()].into_iter().chain(steps)
    }
}

/// Puts values into a text's slots; unknown slots stay as they are.
pub(crate) fn fill(template: &str, slots: &Slots<'_>) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, name, after)) = next_slot(rest) {
        text.push_str(before);
        match slots.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => text.push_str(value),
            None => text.extend(["{", name, "}"]),
        }
        rest = after;
    }
    text.push_str(rest);
    text
}

/// The next slot: what is before it, its name, what is after it. A slot is lowercase letters and `_` in braces, so JSON
/// has none.
fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('{')?;
        let name_length = text[open + 1..].find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
        let close = open + 1 + name_length;
        if name_length > 0 && text[close..].starts_with('}') {
            return Some((&text[..open], &text[open + 1..close], &text[close + 1..]));
        }
        from = open + 1;
    }
}

fn slot_names(template: &str) -> impl Iterator<Item = &str> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (_, name, after) = next_slot(rest)?;
        rest = after;
        Some(name)
    })
}

/// What stands in the slots, if the question begins like the template; more may follow.
fn match_slots<'a>(template: &'a str, question: &'a str) -> Option<Slots<'a>> {
    let mut slots = Slots::new();
    let (mut template, mut question) = (template, question);
    while let Some((before, name, after)) = next_slot(template) {
        question = question.strip_prefix(before)?;
        let stop = next_slot(after).map_or(after, |(literal, _, _)| literal);
        // A slot at the very end takes the rest of its line.
        let end = match stop {
            "" => question.find('\n').unwrap_or(question.len()),
            stop => question.find(stop)?,
        };
        slots.push((name, Cow::Borrowed(&question[..end])));
        (template, question) = (after, &question[end..]);
    }
    question.starts_with(template).then_some(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_of_the_company_is_found_again_with_its_slots() {
        let company = Company::bundled();
        let mut rng = fastrand::Rng::with_seed(1);
        for scenario in company.scenarios.iter().filter(|scenario| scenario.shape != Shape::Embed) {
            for exchange in &scenario.exchanges {
                let slots = company.draw(&exchange.ask, &mut rng);
                let question = format!("{}\n\nContext:\nsome text", fill(&exchange.ask, &slots));
                let (found, _, again) = company.find(&question).unwrap();
                assert_eq!(found.id, scenario.id, "{question}");
                assert_eq!(again, slots, "{question}");
            }
        }
    }

    #[test]
    fn every_slot_tool_and_argument_of_the_company_makes_sense() {
        let company = Company::bundled();
        for scenario in &company.scenarios {
            for exchange in &scenario.exchanges {
                let asked: Vec<_> = slot_names(&exchange.ask).collect();
                for name in exchange.texts().flat_map(slot_names) {
                    assert!(asked.contains(&name), "{{{name}}} is not in the question {:?}", exchange.ask);
                    assert!(company.slots.contains_key(name), "{{{name}}} has no values");
                }
                for step in &exchange.steps {
                    assert!(scenario.tools.iter().any(|tool| tool.name == step.tool), "{}", step.tool);
                    assert!(
                        serde_json::from_str::<serde_json::Value>(&step.arguments).is_ok(),
                        "{}",
                        step.arguments
                    );
                }
                if scenario.shape == Shape::Extract {
                    assert!(
                        serde_json::from_str::<serde_json::Value>(&exchange.reply).is_ok(),
                        "{}",
                        exchange.reply
                    );
                }
            }
            for model in &scenario.models {
                assert!(crate::simulator::offers(model), "{model}");
            }
        }
    }
}
