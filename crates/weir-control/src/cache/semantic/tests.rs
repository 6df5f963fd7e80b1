//! What the semantic cache as a whole promises, with a model that knows a handful of sentences.

use std::sync::mpsc;

use bytes::Bytes;
use weir_dialect::ResponseFacts;
use weir_embed::{Embed, EmbedError};
use weir_types::UnixMicros;

use super::*;
use crate::cache::{Cache, CacheCall, CacheConfig, Tenant};

/// Texts are as near as the numbers at their ends say: "… @7" and "… @9" are two hundredths of a turn apart.
struct Angles;

impl Embed for Angles {
    fn name(&self) -> &'static str {
        "angles"
    }

    fn embed(&self, text: &str) -> Result<Vector, EmbedError> {
        let angle: f32 = text.rsplit_once('@').map_or(0.0, |(_, angle)| angle.trim().parse().unwrap());
        let angle = angle * std::f32::consts::TAU / 100.0;
        Ok(vec![angle.cos(), angle.sin()].into())
    }
}

fn semantic(config: SemanticConfig) -> Arc<Semantic> {
    Semantic::new(config, Embedder::start(Box::new(Angles), 1).unwrap())
}

fn question_of(team: &str, system: &str, text: &str) -> Question {
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"{text}"}}]}}"#
    );
    let call = CacheCall {
        tenant: Tenant::Team(team),
        dialect: Dialect::OpenAiChat,
        provider: "openai",
        model: "m",
        stream: false,
        headers: &[],
        body: body.as_bytes(),
    };
    Question::of(&call, Asker { team: None, agent: None }).unwrap()
}

fn question(text: &str) -> Question {
    question_of("a", "Be brief.", text)
}

fn answer(text: &str) -> Arc<CachedAnswer> {
    Arc::new(CachedAnswer {
        created_at: UnixMicros(0),
        content_type: Bytes::from_static(b"application/json"),
        body: Bytes::from(format!(r#"{{"choices":[{{"message":{{"content":"{text}"}}}}]}}"#)),
        is_stream: false,
        facts: ResponseFacts {
            output: Some(format!(r#"[{{"role":"assistant","content":"{text}"}}]"#)),
            ..ResponseFacts::default()
        },
        tokens_estimated: false,
        cost: Some(NanoUsd(7)),
        price_version: None,
        provider: "openai".into(),
        model: "m".into(),
        team: Some("a".into()),
    })
}

fn key(number: u8) -> CacheKey {
    CacheKey([number; 32])
}

/// Waits until everything before has been done: jobs are done in order.
fn settle(semantic: &Semantic) {
    let (done, is_done) = mpsc::channel();
    semantic.embedder.later(move |_| done.send(()).unwrap()).unwrap();
    is_done.recv().unwrap();
}

/// Remembers an answered question.
fn answered(
    semantic: &Arc<Semantic>,
    question: Question,
    number: u8,
    would_be: Option<(f32, Arc<CachedAnswer>)>,
) {
    let asked = Asked { question, vector: None, would_be };
    semantic.learn(asked, Dialect::OpenAiChat, key(number), answer("Yes."));
    settle(semantic);
}

async fn seen(semantic: &Arc<Semantic>, question: &Question) -> Option<u8> {
    let sight = semantic.look_up(question)?.await.unwrap();
    sight.nearest.map(|nearest| nearest.key.0[0])
}

#[tokio::test]
async fn a_near_question_of_the_same_place_is_found_and_no_other() {
    let semantic = semantic(SemanticConfig::default());
    answered(&semantic, question("the parcel is late @0"), 1, None);
    assert_eq!(seen(&semantic, &question("is my parcel late @0")).await, Some(1));
    assert_eq!(
        seen(&semantic, &question("the parcel isn't late @0")).await,
        None,
        "a negation is in the way"
    );
    assert_eq!(seen(&semantic, &question("something else @25")).await, None);
    let elsewhere = question_of("b", "Be brief.", "is my parcel late @0");
    assert!(semantic.look_up(&elsewhere).is_none(), "another team has asked nothing yet");
    let otherwise = question_of("a", "Be rude.", "is my parcel late @0");
    assert!(semantic.look_up(&otherwise).is_none(), "another system prompt is another place");
    assert_eq!(semantic.stats(true).guarded, 1);
}

#[tokio::test]
async fn a_scope_is_observed_until_there_is_evidence_and_false_hits_end_that() {
    let semantic = semantic(SemanticConfig { shadow_share: 0.0, ..SemanticConfig::default() });
    let asked = question("the parcel is late @0");
    assert_eq!(semantic.decide(&asked, 0.99, true), (None, Verdict::Observe));
    for _ in 0..299 {
        answered(&semantic, asked.clone(), 1, Some((0.99, answer("yes"))));
    }
    let (threshold, verdict) = semantic.decide(&asked, 0.99, true);
    assert_eq!(verdict, Verdict::Answer);
    assert!(threshold.unwrap() > 0.98);
    assert_eq!(semantic.decide(&asked, 0.9, true).1, Verdict::Learn, "what is less near was not measured");
    assert_eq!(semantic.decide(&asked, 0.99, false).1, Verdict::Observe, "the cache as a whole observes");
    answered(&semantic, asked.clone(), 1, Some((0.99, answer("No."))));
    let (threshold, verdict) = semantic.decide(&asked, 0.99, true);
    assert_eq!((threshold, verdict), (None, Verdict::Observe));
    let stats = semantic.stats(true);
    assert_eq!((stats.checks, stats.false_hits, stats.scope_count), (300, 1, 1));
    assert!(stats.scopes[0].false_hit_rate_bound.unwrap() > 0.01);
}

#[tokio::test]
async fn an_operator_may_set_the_threshold_and_have_every_hit_checked() {
    let config = SemanticConfig { threshold: Some(0.9), shadow_share: 0.0, ..SemanticConfig::default() };
    let asked = question("the parcel is late @0");
    let verdict =
        |config: &SemanticConfig, similarity| semantic(config.clone()).decide(&asked, similarity, true).1;
    assert_eq!(verdict(&config, 0.9), Verdict::Answer);
    assert_eq!(verdict(&config, 0.89), Verdict::Learn);
    assert_eq!(verdict(&SemanticConfig { shadow_share: 1.0, ..config.clone() }, 0.9), Verdict::Check);
    assert_eq!(verdict(&SemanticConfig { mode: CacheMode::Observe, ..config }, 0.9), Verdict::Observe);
}

#[tokio::test]
async fn a_purge_forgets_questions_with_their_answers() {
    use weir_types::CacheAdmin as _;
    let semantic = semantic(SemanticConfig::default());
    let cache = Cache::new(CacheConfig::default()).with_semantic(Arc::clone(&semantic));
    let asked = question("the parcel is late @0");
    answered(&semantic, asked.clone(), 1, None);
    cache.purge(&CachePurge::Team("b".into())).await;
    assert_eq!(seen(&semantic, &asked).await, Some(1));
    cache.purge(&CachePurge::Team("a".into())).await;
    assert!(semantic.look_up(&asked).is_none());
    assert_eq!(cache.stats().semantic.unwrap().entries, 0);
}

#[test]
fn a_question_is_the_last_user_message_and_nothing_else() {
    let of = |dialect, body: &str| {
        let call = CacheCall {
            tenant: Tenant::Everyone,
            dialect,
            provider: "p",
            model: "m",
            stream: false,
            headers: &[],
            body: body.as_bytes(),
        };
        Question::of(&call, Asker { team: None, agent: None })
    };
    let (chat, messages, responses) =
        (Dialect::OpenAiChat, Dialect::AnthropicMessages, Dialect::OpenAiResponses);
    let text = |dialect, body: &str| of(dialect, body).map(|question| question.text.to_string());
    let said = Some("Hi \"you\"\nthere".to_owned());
    let user = r#"{"role":"user","content":"Hi \"you\"\nthere"}"#;
    assert_eq!(text(chat, &format!(r#"{{"messages":[{{"role":"assistant","content":"x"}},{user}]}}"#)), said);
    assert_eq!(text(messages, &format!(r#"{{"max_tokens":9,"messages":[{user}]}}"#)), said);
    assert_eq!(text(responses, r#"{"input":"Hi \"you\"\nthere"}"#), said);
    assert_eq!(text(responses, &format!(r#"{{"input":[{user}]}}"#)), said);
    let ends_otherwise = format!(r#"{{"messages":[{user},{{"role":"assistant","content":"x"}}]}}"#);
    assert_eq!(text(chat, &ends_otherwise), None, "a call that goes on where the model stopped asks nothing");
    assert_eq!(text(chat, r#"{"messages":[{"role":"user","content":" "}]}"#), None);
    let long = "x".repeat(5_000);
    assert_eq!(text(chat, &format!(r#"{{"messages":[{{"role":"user","content":"{long}"}}]}}"#)), None);
    let with = |image: &str| {
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"What?"}},{{"type":"image_url","image_url":{{"url":"{image}"}}}}]}}]}}"#
        );
        of(chat, &body).unwrap()
    };
    assert_eq!(&*with("data:a").text, "What?");
    assert_ne!(with("data:a").place, with("data:b").place, "the image is no part of the words");
}
